//! A stream of bytes to an address: direct, or through a proxy that opens the way.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt};
use http::Uri;
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower::Service;

use crate::link::dial::proxy::{Kind, Proxy};
use crate::link::dial::trouble::{Refusal, Trouble};
use crate::link::limits;

/// Addresses of one name that are tried.
const RESOLVED_MAX: usize = 8;
/// Largest answer of a proxy to CONNECT in bytes.
const ANSWER_BYTES_MAX: usize = 8 * 1_024;

/// Opens a stream to `address`, through `proxy` where one is given. Every wait has an end.
pub(super) async fn open(address: &str, proxy: Option<&Proxy>) -> Result<TcpStream, Trouble> {
    let Some(proxy) = proxy else {
        return match is_onion(address) {
            true => Err(Trouble::Onion),
            false => direct(address).await,
        };
    };
    let refused = |refusal| Trouble::Proxy { proxy: proxy.to_string(), refusal };
    let opened = direct(&proxy.address).await.map_err(|trouble| {
        refused(Refusal::Unreachable(match trouble {
            Trouble::Unreachable(error) | Trouble::Name(error) => error,
            other => io::Error::other(other.to_string()),
        }))
    })?;
    let target: Uri = format!("https://{address}").parse().map_err(|_| Trouble::Name(not_an_address()))?;
    let asking = async {
        match proxy.kind {
            Kind::Connect => connect(opened, proxy, address).await,
            Kind::Socks5 => socks(opened, proxy, target).await,
        }
    };
    let answered = timeout(limits::CONNECT, asking).await;
    answered.unwrap_or(Err(Refusal::Slow)).map_err(refused)
}

fn is_onion(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, _)| host.to_ascii_lowercase().ends_with(".onion"))
}

fn not_an_address() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "this is not host:port")
}

/// Every address of the name, IPv6 and IPv4 in turn, each started a little after the one before (RFC 8305).
async fn direct(address: &str) -> Result<TcpStream, Trouble> {
    let resolving = timeout(limits::CONNECT, tokio::net::lookup_host(address)).await;
    let found = resolving.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(Trouble::Name)?;
    let (v6, v4): (Vec<SocketAddr>, Vec<SocketAddr>) = found.take(64).partition(SocketAddr::is_ipv6);
    let mut turns = Vec::new();
    for i in 0..v6.len().max(v4.len()) {
        turns.extend(v6.get(i).into_iter().chain(v4.get(i)).copied());
    }
    turns.truncate(RESOLVED_MAX);
    let connects = turns.into_iter().map(|address| async move {
        let connected = timeout(limits::CONNECT, TcpStream::connect(address)).await;
        connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    });
    let stream = staggered(connects, limits::STAGGER).await.map_err(|mut errors| {
        let (_, last) = errors.pop().unwrap_or_else(|| (0, io::ErrorKind::NotFound.into()));
        Trouble::Unreachable(last)
    })?;
    stream.set_nodelay(true).map_err(Trouble::Unreachable)?;
    Ok(stream)
}

/// Starts the futures one after another, each `after` the one before or as soon as that one failed; the first that
/// succeeds wins and the rest is dropped. Where none does, all errors with their places.
pub async fn staggered<T, E>(
    futures: impl IntoIterator<Item = impl Future<Output = Result<T, E>>>,
    after: Duration,
) -> Result<T, Vec<(usize, E)>> {
    let mut waiting = futures.into_iter().enumerate().map(|(i, f)| async move { (i, f.await) });
    let (mut running, mut failed) = (FuturesUnordered::new(), Vec::new());
    let mut more = true;
    loop {
        match waiting.next() {
            Some(next) => running.push(next),
            None => more = false,
        }
        let ended = match more {
            true => timeout(after, running.next()).await.ok(),
            false => Some(running.next().await),
        };
        match ended {
            Some(Some((_, Ok(won)))) => return Ok(won),
            Some(Some((i, Err(error)))) => failed.push((i, error)),
            Some(None) if !more => {
                failed.sort_by_key(|(i, _)| *i);
                return Err(failed);
            }
            Some(None) | None => {}
        }
    }
}

/// The stream that is open already, as the proxy clients want to be given it.
fn given(
    stream: TcpStream,
) -> impl Service<Uri, Response = TokioIo<TcpStream>, Error = io::Error, Future: Send + 'static> {
    let mut once = Some(TokioIo::new(stream));
    tower::service_fn(move |_: Uri| {
        std::future::ready(once.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected)))
    })
}

/// HTTP CONNECT. The far side of the tunnel says nothing before this side does, so nothing follows the answer.
async fn connect(mut stream: TcpStream, proxy: &Proxy, address: &str) -> Result<TcpStream, Refusal> {
    let mut request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n").into_bytes();
    if let Some(basic) = &proxy.basic {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(basic.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(Refusal::Unreachable)?;
    let mut answer = Vec::with_capacity(1_024);
    while !answer.windows(4).any(|w| w == b"\r\n\r\n") {
        let read = stream.read_buf(&mut answer).await.map_err(Refusal::Unreachable)?;
        if read == 0 || answer.len() > ANSWER_BYTES_MAX {
            return Err(Refusal::Refused("its answer is not one of an HTTP proxy".to_owned()));
        }
    }
    let status = answer.split(|b| *b == b'\r').next().map(String::from_utf8_lossy).unwrap_or_default();
    let mut words = status.splitn(3, ' ');
    let (version, code) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (version.starts_with("HTTP/1."), code, proxy.has_login()) {
        (true, "200", _) => Ok(stream),
        (true, "407", false) => Err(Refusal::LoginNeeded { scheme: "http" }),
        (true, "407", true) => Err(Refusal::LoginWrong),
        (true, code, _) => {
            let reason: String = words.next().unwrap_or_default().chars().take(80).collect();
            Err(Refusal::Refused(format!("{code} {reason}").replace(|c: char| c.is_control(), " ")))
        }
        (false, ..) => Err(Refusal::Refused("its answer is not one of an HTTP proxy".to_owned())),
    }
}

async fn socks(stream: TcpStream, proxy: &Proxy, target: Uri) -> Result<TcpStream, Refusal> {
    let mut socks = SocksV5::new(Uri::from_static("http://proxy.invalid"), given(stream)).local_dns(false);
    if let Some((user, password)) = &proxy.login {
        if user.len() > 255 || password.len() > 255 {
            return Err(Refusal::Refused("user and password may have 255 bytes each".to_owned()));
        }
        socks = socks.with_auth(user.clone(), password.clone());
    }
    // The error's type is not public; its words are, and a test holds them to the ones expected here.
    socks.call(target).await.map(TokioIo::into_inner).map_err(|error| {
        let words = error.to_string();
        match (words.contains("authentication") || words.contains("credentials"), proxy.has_login()) {
            (true, false) => Refusal::LoginNeeded { scheme: "socks5" },
            (true, true) => Refusal::LoginWrong,
            (false, _) => Refusal::Refused(words),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(ms: u64, result: Result<u64, u64>) -> Result<u64, u64> {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        result
    }

    #[tokio::test(start_paused = true)]
    async fn a_dead_first_address_costs_a_moment_and_not_its_whole_time_limit() {
        let started = tokio::time::Instant::now();
        let tries = [after(15_000, Err(1)), after(20, Ok(2)), after(15_000, Err(3))];
        assert_eq!(staggered(tries, Duration::from_millis(300)).await, Ok(2));
        assert!(started.elapsed() < Duration::from_millis(400), "{:?}", started.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_starts_the_next_at_once_and_all_are_told_in_order() {
        let started = tokio::time::Instant::now();
        let tries = [after(200, Err(1)), after(10, Err(2)), after(10, Err(3))];
        let failed = staggered(tries, Duration::from_millis(100)).await;
        assert_eq!(failed, Err(vec![(0, 1), (1, 2), (2, 3)]));
        assert!(started.elapsed() <= Duration::from_millis(210), "{:?}", started.elapsed());
        assert_eq!(
            staggered::<u64, u64>(Vec::<std::future::Ready<_>>::new(), Duration::ZERO).await,
            Err(vec![])
        );
    }
}
