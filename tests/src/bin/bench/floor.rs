//! The least that a cold sync can do: the same bytes over TLS, hashed, one signature a run, written and synced.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use caphub_proto::wire::feed::unpack;
use caphub_proto::wire::header::{ENTRY_TAG, body_hash, entry_hash};
use caphub_proto::wire::keys::Verifier;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::catalogue::Catalogue;

/// One pass; the keys are checked before, as a receiver has them at hand.
pub fn run(catalogue: &Catalogue) -> Duration {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a key that fits");
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a certificate to trust");
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let verifiers: Vec<Verifier> =
        catalogue.keys.iter().map(|k| Verifier::new(k).expect("a sound key")).collect();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let started = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (tcp, _) = listener.accept().expect("a caller");
            let session = ServerConnection::new(Arc::new(server)).expect("a session");
            let mut stream = StreamOwned::new(session, tcp);
            for run in &catalogue.records {
                stream.write_all(&(run.entries.len() as u32).to_be_bytes()).expect("sent");
                stream.write_all(&run.entries).expect("sent");
            }
            stream.conn.send_close_notify();
            stream.flush().expect("sent");
        });
        let (sender, receiver) = mpsc::sync_channel::<Vec<u8>>(64);
        scope.spawn(move || {
            let tcp = TcpStream::connect(address).expect("the far end");
            let name = ServerName::try_from("localhost").expect("a name");
            let session = ClientConnection::new(Arc::new(client), name).expect("a session");
            let mut stream = std::io::BufReader::with_capacity(1 << 18, StreamOwned::new(session, tcp));
            let mut length = [0; 4];
            while stream.read_exact(&mut length).is_ok() {
                let mut run = vec![0; u32::from_be_bytes(length) as usize];
                stream.read_exact(&mut run).expect("a whole run");
                if sender.send(run).is_err() {
                    return;
                }
            }
        });
        let mut file = tempfile::tempfile().expect("a file");
        for verifier in &verifiers {
            let run = receiver.recv().expect("a run");
            check(&run, verifier);
            file.write_all(&run).expect("written");
        }
        file.sync_data().expect("synced");
    });
    started.elapsed()
}

/// The same without a network: hashed, one signature a run, written and synced by one thread.
pub fn local(catalogue: &Catalogue) -> Duration {
    let verifiers: Vec<Verifier> =
        catalogue.keys.iter().map(|k| Verifier::new(k).expect("a sound key")).collect();
    let mut file = tempfile::tempfile().expect("a file");
    let started = Instant::now();
    for (run, verifier) in catalogue.records.iter().zip(&verifiers) {
        check(&run.entries, verifier);
        file.write_all(&run.entries).expect("written");
    }
    file.sync_data().expect("synced");
    started.elapsed()
}

fn check(run: &[u8], verifier: &Verifier) {
    let entries = unpack(run).expect("entries");
    for entry in &entries {
        let hash = body_hash(entry.body.expect("a body"));
        assert_eq!(hash[..], entry.header[82..114]);
        std::hint::black_box(entry_hash(entry.header, entry.signature));
    }
    let last = entries.last().expect("an entry");
    assert!(verifier.verify(ENTRY_TAG, last.header, last.signature));
}
