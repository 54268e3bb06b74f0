//! What a monitor reads of a node's loopback port.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One page: its status line and its text.
pub async fn page(address: &str, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).await.expect("the port");
    let asked = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a header");
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

/// A port that was free a moment ago.
pub async fn free() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}
