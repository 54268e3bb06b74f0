//! Machine-readable reasons: the fixed list of SPEC.md section 10.

use std::fmt;

macro_rules! reasons {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// Why something was not taken. The code is for programs and never changes.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Reason {
            $(#[doc = $meaning] $name,)*
        }

        impl Reason {
            /// Every reason, in the order of SPEC.md.
            pub const ALL: &[Reason] = &[$(Self::$name,)*];

            /// The code that travels.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// What it means, in English.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// The reason of a code; `None` for one that this version does not know.
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    BadLength = "bad_length", "a fixed part of the entry has another length";
    UnknownVersion = "unknown_version", "the version is none that is known here";
    UnknownKind = "unknown_kind", "the header's kind is neither identity nor records";
    BadSeq = "bad_seq", "the sequence number is 0, or 2^53 or more";
    BadPrevious = "bad_previous", "the previous hash is zero after the first entry, or not zero at it";
    BadTime = "bad_time", "the time is 2^53 or more";
    BodyTooSmall = "body_too_small", "the body is shorter than its salt";
    BodyTooLarge = "body_too_large", "the body is longer than 65,536 bytes";
    BadAudience = "bad_audience", "the audience is of an unknown type or length";
    WrongFeed = "wrong_feed", "the header's feed id is not that of this party, key and audience";
    BodyLength = "body_length", "the body's length is not the header's";
    BodyHash = "body_hash", "the body's hash is not the header's";
    BadKey = "bad_key", "the signing key is not canonical, not on the curve or of small order";
    BadSignature = "bad_signature", "the signature is not valid for this key and header";
    EmptyRun = "empty_run", "a run without entries";
    RunTooLarge = "run_too_large", "a run of too many entries or bytes";
    Gap = "gap", "a sequence number does not follow the one before";
    WrongPrevious = "wrong_previous", "the previous hash is not that of the entry before";
    Fork = "fork", "another authentic entry stands at this place of the feed";
    Undecided = "undecided", "another history, kept until the entry that a revocation names shows which one counts";
    BodyMissing = "body_missing", "a body is absent and no counted withdrawal names it";
    IdentityMalformed = "identity_malformed", "an identity body does not have the fixed layout";
    IdentityUnknownEvent = "identity_unknown_event", "an identity event of a later version";
    IdentityNotIncept = "identity_not_incept", "the first identity event is not an Incept, or a later one is";
    IdentityParty = "identity_party", "the Incept event does not hash to the party id";
    IdentityKeys = "identity_keys", "a key list is empty, too long, repeats a key or has an impossible threshold";
    IdentitySigner = "identity_signer", "a signature of the event is not by a key that may sign it";
    IdentityThreshold = "identity_threshold", "fewer valid signatures than the threshold";
    IdentityCommitment = "identity_commitment", "a revealed key was not committed to before, or too few were";
    IdentityPossession = "identity_possession", "the new signing key did not sign its own authorisation";
    IdentityDuplicateKey = "identity_duplicate_key", "a signing key is authorised once for ever";
    IdentityUnknownKey = "identity_unknown_key", "a Revoke names a key that was never authorised";
    IdentityConflict = "identity_conflict", "another identity event with the same previous keeps its place";
    UnknownParty = "unknown_party", "no identity log of this party is held; send it first";
    UnknownKeyOfParty = "unknown_key", "the party has not authorised this signing key";
    Revoked = "revoked", "the entry lies beyond the last one that counts after a revocation";
    Frozen = "frozen", "the feed is frozen by a proven fork";
    BadProof = "bad_proof", "the two runs do not prove a fork: they agree, do not meet, or hold bodies";
    Capability = "capability", "the signing key does not have the capability that this record needs";
    KeyEnded = "key_ended", "the signing key had ended at the time that the entry states";
    FutureDated = "future_dated", "the entry is dated more than 24 hours ahead";
    NotCarried = "not_carried", "this hub does not carry the feeds of this party";
    Quota = "quota", "the quota of the attesting hub, or of guests, is used up";
    QuotaBytes = "quota_bytes", "the bytes that this party, its hub, guests or strangers may have stored here are used up";
    GuestRecord = "guest_record", "a guest may publish public needs, its profile and replies only";
    WrongParents = "wrong_parents", "a parent is not a revision of this record, or the number does not follow";
    RecordMalformed = "record_malformed", "the body is not a revision of a known kind";
    RecordInvalid = "record_invalid", "a field of the record is missing or out of bounds";
    ActRevised = "act_revised", "an act of several parties is neither revised nor withdrawn";
    SealedOnly = "sealed_only", "a record of this kind counts only where it is sealed";
    OpenOnly = "open_only", "a record of this kind does not count where it is sealed";
    NotInThread = "not_in_thread", "the author does not show that it was let into the thread";
    NotOwner = "not_owner", "only the owning party revises or withdraws a record";
    NotFound = "not_found", "no such record, feed, party or request here";
    NotEntitled = "not_entitled", "the caller may not read or do this";
    NotPeer = "not_peer", "the caller is not a linked hub or a member";
    IdentityUnverified = "identity_unverified", "the caller's identity log is not known here or not confirmed";
    InvitationUsed = "invitation_used", "the invitation was used before, has ended, is not of this hub, or is for another state or name";
    ClockOff = "clock_off", "the two clocks differ too much";
    UnknownPosition = "unknown_position", "the position is of another log or lies beyond this one's end";
    BadPageToken = "bad_page_token", "the page token is not one that this node gave out";
    CarryFormat = "carry_format", "the file is not a carry file, or a frame of it has another layout";
    CarryDamaged = "carry_damaged", "bytes of the carry file changed after it was written";
    CarryCut = "carry_cut", "the carry file ends before its last frame";
    ChunkMismatch = "chunk_mismatch", "the bytes are not those of the file that the record names";
    NoRoom = "no_room", "this node has no room left for files of this party, or for files at all";
    BadRequest = "bad_request", "a field of the request is missing or malformed";
    StoreFailed = "store_failed", "the node could not write to its store";
    ShuttingDown = "shutting_down", "the node is stopping; try again later";
    TooManyRequests = "too_many_requests", "more requests, streams or connections than this node allows";
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
