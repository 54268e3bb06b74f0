//! Why a hub was not reached: for each address what stood in the way, in words that say what to do.

use std::fmt;
use std::io;

use rustls::CertificateError as Invalid;

use crate::link::certificate::CertificateError;

/// Why no address of a hub led to it.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Neither a card nor a record names an address.
    #[error("no address of this hub is known: its node card names none")]
    NoAddress,
    /// Each address with what stood in its way.
    #[error("{}", listed(.0))]
    All(Vec<Attempt>),
    /// This side's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

/// One address that did not lead to the hub.
#[derive(Debug)]
pub struct Attempt {
    /// host:port.
    pub address: String,
    /// What stood in the way.
    pub trouble: Trouble,
}

/// What stood in the way at one address.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing answers there, or the way is blocked.
    #[error("does not answer: {0}")]
    Unreachable(#[source] io::Error),
    /// The name has no address.
    #[error("its name cannot be resolved: {0}")]
    Name(#[source] io::Error),
    /// An onion name, and no SOCKS5 proxy.
    #[error("is an onion address: name a SOCKS5 proxy that reaches it, for example socks5://127.0.0.1:9050")]
    Onion,
    /// The proxy does not open the way.
    #[error("the proxy {proxy} {refusal}")]
    Proxy {
        /// Without its password.
        proxy: String,
        /// What it says.
        refusal: Refusal,
    },
    /// Something answers with a certificate that no hub made.
    #[error("is not a hub: the certificate is somebody else's, as behind an inspecting proxy")]
    Inspected,
    /// Something answers in an older TLS, as inspecting proxies and web servers do.
    #[error("does not speak TLS as a hub does, as behind an inspecting proxy: {0}")]
    OtherTls(String),
    /// Something answers in plain text.
    #[error("answers in plain text, as a sign-in page of a guest network or a web server does")]
    PlainText,
    /// The connection ends at the first words of the secure handshake.
    #[error("cuts the secure handshake off, as filters do: {0}")]
    Cut(#[source] io::Error),
    /// The handshake began and did not end in time.
    #[error("does not complete the secure handshake in time")]
    Slow,
    /// A hub answers, but another one, or with another node's key.
    #[error("is another hub than the expected one")]
    OtherHub,
    /// TLS failed in another way.
    #[error("does not complete the secure handshake: {0}")]
    Handshake(String),
}

/// Why a proxy did not open the way.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// It cannot be reached.
    #[error("does not answer: {0}")]
    Unreachable(#[source] io::Error),
    /// It asks who calls, and was not told.
    #[error("asks for a user and a password: name them, as in {scheme}://USER:PASSWORD@HOST:PORT")]
    LoginNeeded {
        /// http or socks5.
        scheme: &'static str,
    },
    /// It does not take the user or the password.
    #[error("does not take this user and password")]
    LoginWrong,
    /// It answered, and says no.
    #[error("does not open a way there: {0}")]
    Refused(String),
    /// It began to answer and did not end in time.
    #[error("takes too long")]
    Slow,
}

impl Trouble {
    /// True where somebody on the way steps in: another path, or a carry file, is the way out.
    pub fn is_interference(&self) -> bool {
        matches!(self, Self::Inspected | Self::OtherTls(_) | Self::PlainText | Self::Cut(_))
    }

    pub(super) fn of_handshake(error: io::Error) -> Self {
        let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(Invalid::UnknownIssuer)) => Self::Inspected,
            Some(rustls::Error::InvalidCertificate(Invalid::NotValidForName)) => Self::OtherHub,
            Some(rustls::Error::InvalidMessage(_)) => Self::PlainText,
            Some(e @ (rustls::Error::PeerIncompatible(_) | rustls::Error::AlertReceived(_))) => {
                Self::OtherTls(e.to_string())
            }
            Some(other) => Self::Handshake(other.to_string()),
            None => Self::Cut(error),
        }
    }
}

impl DialError {
    /// True where somebody on the way to one of the addresses steps in.
    pub fn is_interference(&self) -> bool {
        matches!(self, Self::All(all) if all.iter().any(|a| a.trouble.is_interference()))
    }

    /// True where a proxy is what stands in the way.
    pub fn is_proxy(&self) -> bool {
        let proxy = |t: &Trouble| matches!(t, Trouble::Proxy { .. } | Trouble::Onion);
        matches!(self, Self::All(all) if all.iter().any(|a| proxy(&a.trouble)))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trouble {
            proxy @ Trouble::Proxy { .. } => write!(f, "{}: {proxy}", self.address),
            trouble => write!(f, "{} {trouble}", self.address),
        }
    }
}

fn listed(attempts: &[Attempt]) -> String {
    attempts.iter().map(Attempt::to_string).collect::<Vec<_>>().join("; ")
}
