//! Self-made certificates that carry the operator key's word (design section 6).

use std::sync::Arc;

use caphub_proto::wire::cert::{Binding, EXTENSION_OID};
use caphub_proto::wire::limits::CERTIFICATE_MS_MAX;
use caphub_proto::wire::{PartyId, Signer};
use rcgen::{CertificateParams, CustomExtension, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::prelude::{FromDer, X509Certificate};

/// A node's or a replica's own identity on a link; makes certificates as they are needed.
#[derive(Clone)]
pub struct LinkIdentity {
    /// Who this side is.
    pub party: PartyId,
    /// The operator key that vouches for certificates.
    pub signer: Signer,
}

/// A certificate could not be made; says which step failed.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// Key or certificate generation.
    #[error("the link's certificate could not be made")]
    Make(#[from] rcgen::Error),
    /// The TLS library does not take the new key.
    #[error("the link's certificate key was refused by the TLS library")]
    Key(#[from] rustls::Error),
}

impl LinkIdentity {
    /// A fresh certificate, good until `now_ms` plus half of the longest life.
    pub fn certificate(&self, now_ms: u64) -> Result<Arc<CertifiedKey>, CertificateError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let not_after = now_ms + CERTIFICATE_MS_MAX / 2;
        let binding = Binding::sign(self.party, &self.signer, not_after, &key.subject_public_key_info());
        let mut params = CertificateParams::new(vec!["peer.invalid".to_owned()])?;
        params.custom_extensions = vec![CustomExtension::from_oid_content(EXTENSION_OID, binding.encode())];
        let certificate = params.self_signed(&key)?;
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let signing = rustls::crypto::aws_lc_rs::sign::any_supported_type(&private)?;
        Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signing)))
    }
}

/// What the certificate of the far end says, its signature checked; `None` where it is not one of ours.
pub fn read(certificate: &CertificateDer<'_>) -> Option<Binding> {
    let (rest, parsed) = X509Certificate::from_der(certificate).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let oid = x509_parser::oid_registry::Oid::from(EXTENSION_OID).ok()?;
    let extension = parsed.get_extension_unique(&oid).ok()??;
    Binding::parse(extension.value, parsed.public_key().raw)
}
