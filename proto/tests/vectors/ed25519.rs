//! The published edge cases of Ed25519: what libraries differ on is refused here, and told with one reason.

use caphub_proto::wire::keys::{Checked, check};

/// One case as the file holds it; nobody here writes that file.
#[derive(serde::Deserialize)]
pub struct Case {
    pub name: String,
    message: String,
    key: String,
    signature: String,
    pub reason: String,
}

#[derive(serde::Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

pub fn cases() -> Vec<Case> {
    let text = include_str!("../../vectors/ed25519.json");
    serde_json::from_str::<Cases>(text).unwrap().cases
}

pub fn judge(case: &Case) -> &'static str {
    let fixed = |text: &str| hex::decode(text).unwrap();
    let (key, signature) = (fixed(&case.key).try_into().unwrap(), fixed(&case.signature).try_into().unwrap());
    match check(&key, b"", &fixed(&case.message), &signature) {
        Checked::Valid => "",
        Checked::BadKey => "bad_key",
        Checked::BadSignature => "bad_signature",
    }
}
