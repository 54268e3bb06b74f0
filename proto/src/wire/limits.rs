//! Every bound of the formats, with its unit and its reason (SPEC.md section 9).

/// Largest body in bytes, salt included; one always fits a sync message.
pub const BODY_BYTES_MAX: usize = 65_536;
/// Bytes of salt before every body: an erased body's hash says nothing.
pub const SALT_BYTES: usize = 16;
/// Bytes of an entry's header.
pub const HEADER_BYTES: usize = 118;
/// Bytes of an Ed25519 signature.
pub const SIGNATURE_BYTES: usize = 64;
/// First value that a sequence number or a time cannot take: what a double still counts exactly.
pub const INTEGER_END: u64 = 1 << 53;
/// Most entries in one run; bounds what one failing signature can waste.
pub const RUN_ENTRIES_MAX: usize = 1_024;
/// Most bytes of one run; a run always fits a message.
pub const RUN_BYTES_MAX: usize = 1_048_576;
/// Bytes of entries at which a sender closes a message.
pub const BATCH_BYTES: usize = 262_144;
/// Largest gRPC message in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4_194_304;
/// Most root, next or recovery keys of a party.
pub const IDENTITY_KEYS_MAX: usize = 16;
/// Most bytes of a signing key's label.
pub const LABEL_BYTES_MAX: usize = 64;
/// Most feeds that one Revoke names.
pub const REVOKE_FEEDS_MAX: usize = 1_024;
/// Most entries of one identity log.
pub const IDENTITY_ENTRIES_MAX: usize = 4_096;
/// Longest life of a link certificate in milliseconds: 7 days.
pub const CERTIFICATE_MS_MAX: u64 = 7 * 24 * 3_600_000;
/// How far an author's clock may run ahead before views mark an entry, in milliseconds: 24 hours.
pub const FUTURE_MS_MAX: u64 = 24 * 3_600_000;
/// Largest node card or invitation in bytes of text.
pub const CARD_BYTES_MAX: usize = 16_384;
/// Most addresses on a node card.
pub const CARD_ADDRESSES_MAX: usize = 8;
