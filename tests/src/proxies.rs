//! What stands between a member and a hub: proxies, and those that meddle. Each serves until it is dropped.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What one does with a connection.
#[derive(Clone)]
pub enum Role {
    /// RFC 1928, with user and password where they are given.
    Socks(Option<(String, String)>),
    /// HTTP CONNECT, with the value of `Proxy-Authorization` where it is given.
    Connect(Option<String>),
    /// HTTP CONNECT that answers with this line.
    Says(&'static str),
    /// HTTP CONNECT that opens the way and speaks TLS itself, with a certificate of its own.
    InspectingProxy,
    /// TLS with a certificate of its own, at the hub's very address.
    Inspecting,
    /// A sign-in page instead of TLS.
    Portal,
    /// A reset at the first bytes.
    Reset,
    /// Takes connections and never says anything.
    Silent,
}

/// One of them, listening on this machine.
pub struct Meddler {
    /// Where.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Meddler {
    /// Starts one; `names` says where hosts lead that are asked for, host:port; others lead to themselves.
    pub async fn start(role: Role, names: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let names: HashMap<String, String> =
            names.iter().map(|(n, a)| ((*n).to_owned(), (*a).to_owned())).collect();
        let (asked, names) = (Arc::new(Mutex::new(Vec::new())), Arc::new(names));
        let told = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (role, names, told) = (role.clone(), Arc::clone(&names), Arc::clone(&told));
                tokio::spawn(async move { one(role, stream, &names, &told).await });
            }
        });
        Self { address, asked, serving }
    }

    /// Every place that was asked for, in turn.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

type Asked = Mutex<Vec<String>>;

async fn one(
    role: Role,
    mut stream: TcpStream,
    names: &HashMap<String, String>,
    asked: &Asked,
) -> io::Result<()> {
    match role {
        Role::Socks(login) => {
            let target = socks(&mut stream, login).await?;
            let reply = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            pipe(stream, &target, names, asked, &reply).await
        }
        Role::Connect(login) => {
            let (target, head) = connect(&mut stream).await?;
            let expected = login.map(|l| format!("proxy-authorization: {l}").to_ascii_lowercase());
            if expected.is_some_and(|e| !head.to_ascii_lowercase().contains(&e)) {
                let no = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\n";
                return stream.write_all(no).await;
            }
            pipe(stream, &target, names, asked, b"HTTP/1.1 200 Connection established\r\n\r\n").await
        }
        Role::Says(line) => {
            connect(&mut stream).await?;
            stream.write_all(format!("{line}\r\n\r\n").as_bytes()).await
        }
        Role::InspectingProxy => {
            connect(&mut stream).await?;
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
            inspect(stream).await
        }
        Role::Inspecting => inspect(stream).await,
        Role::Portal => {
            let _ = stream.read(&mut [0; 64]).await?;
            stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://sign.in/\r\n\r\n").await?;
            stream.shutdown().await
        }
        Role::Reset => {
            let _ = stream.read(&mut [0; 16]).await?;
            // Bytes that were not read make the system answer with a reset.
            drop(stream);
            Ok(())
        }
        Role::Silent => {
            let mut all = Vec::new();
            stream.read_to_end(&mut all).await.map(drop)
        }
    }
}

async fn pipe(
    mut stream: TcpStream,
    target: &str,
    names: &HashMap<String, String>,
    asked: &Asked,
    opened: &[u8],
) -> io::Result<()> {
    asked.lock().unwrap_or_else(PoisonError::into_inner).push(target.to_owned());
    let mut far = TcpStream::connect(names.get(target).map_or(target, String::as_str)).await?;
    stream.write_all(opened).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut far).await.map(drop)
}

async fn socks(stream: &mut TcpStream, login: Option<(String, String)>) -> io::Result<String> {
    let no = || io::Error::from(io::ErrorKind::PermissionDenied);
    let (_, methods) = (stream.read_u8().await?, stream.read_u8().await?);
    let mut offered = vec![0; usize::from(methods)];
    stream.read_exact(&mut offered).await?;
    let wanted = if login.is_some() { 2 } else { 0 };
    if !offered.contains(&wanted) {
        stream.write_all(&[5, 0xff]).await?;
        return Err(no());
    }
    stream.write_all(&[5, wanted]).await?;
    if let Some((user, password)) = login {
        stream.read_u8().await?;
        let given = (text(stream).await?, text(stream).await?);
        let right = given == (user, password);
        stream.write_all(&[1, u8::from(!right)]).await?;
        if !right {
            return Err(no());
        }
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await?;
    let host = match head[3] {
        1 => {
            let mut ip = [0; 4];
            stream.read_exact(&mut ip).await?;
            std::net::Ipv4Addr::from(ip).to_string()
        }
        3 => text(stream).await?,
        _ => return Err(no()),
    };
    Ok(format!("{host}:{}", stream.read_u16().await?))
}

async fn text(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await?)];
    stream.read_exact(&mut bytes).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn connect(stream: &mut TcpStream) -> io::Result<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split_whitespace().nth(1).unwrap_or_default().to_owned();
    Ok((target, head))
}

async fn inspect(stream: TcpStream) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(vec!["inspection.example".to_owned()]).map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|c| c.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private))
        .map_err(io::Error::other)?;
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await?;
    let _ = stream.read(&mut [0; 64]).await?;
    Ok(())
}
