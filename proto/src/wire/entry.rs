//! One entry, checked as far as one entry alone decides (SPEC.md section 3.2).

use crate::mutant;
use crate::wire::feed::{Author, Feed};
use crate::wire::header::{ENTRY_TAG, Header, Kind, body_hash, entry_hash};
use crate::wire::ids::{EntryHash, FeedId, OperatorKey, Seq};
use crate::wire::keys::{Checked, Signer, Verifier, check};
use crate::wire::limits::{HEADER_BYTES, INTEGER_END, SALT_BYTES, SIGNATURE_BYTES};
use crate::wire::reason::Reason;

/// An entry as it arrived: nothing about it is known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UncheckedEntry<'a> {
    /// The signed bytes.
    pub header: &'a [u8; HEADER_BYTES],
    /// Over the tag and the header.
    pub signature: &'a [u8; SIGNATURE_BYTES],
    /// Salt and bytes; `None` where the body was erased.
    pub body: Option<&'a [u8]>,
}

/// An entry whose header, feed and body agree; its signature or a later one's is valid.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The fields.
    pub header: Header,
    /// The header's bytes.
    pub header_bytes: &'a [u8; HEADER_BYTES],
    /// The author's signature.
    pub signature: &'a [u8; SIGNATURE_BYTES],
    /// Salt and bytes; `None` where erased.
    pub body: Option<&'a [u8]>,
    /// What the next entry names as previous.
    pub hash: EntryHash,
}

impl<'a> UncheckedEntry<'a> {
    /// Bytes that it takes in a run.
    pub fn packed_len(&self) -> usize {
        HEADER_BYTES + SIGNATURE_BYTES + 1 + self.body.map_or(0, <[u8]>::len)
    }

    /// Checks header, feed and body, but not the signature.
    pub fn parse(self, feed: &Feed) -> Result<Entry<'a>, Reason> {
        self.parse_in(&feed.id(), feed.is_identity())
    }

    /// The same for a caller that has the feed's id at hand: it is hashed once a run and not once an entry.
    pub(super) fn parse_in(self, feed: &FeedId, identity: bool) -> Result<Entry<'a>, Reason> {
        let header = Header::parse(self.header)?;
        if header.feed != *feed || (header.kind == Kind::Identity) != identity {
            return Err(Reason::WrongFeed);
        }
        if let Some(body) = self.body {
            if body.len() != header.body_len as usize {
                return Err(Reason::BodyLength);
            }
            if body_hash(body) != header.body_hash && !mutant!(SkipBodyHash) {
                return Err(Reason::BodyHash);
            }
        }
        let hash = entry_hash(self.header, self.signature);
        Ok(Entry { header, header_bytes: self.header, signature: self.signature, body: self.body, hash })
    }

    /// Checks everything that one entry alone decides, its signature included. `signer` is the feed's operator
    /// key, or for an identity feed the key that the body's signer index names.
    pub fn verify(self, feed: &Feed, signer: &OperatorKey) -> Result<Entry<'a>, Reason> {
        let entry = self.parse(feed)?;
        match check(signer.as_bytes(), ENTRY_TAG, entry.header_bytes, entry.signature) {
            Checked::Valid => Ok(entry),
            Checked::BadKey => Err(Reason::BadKey),
            Checked::BadSignature => Err(Reason::BadSignature),
        }
    }
}

impl Entry<'_> {
    /// The bytes after the salt; `None` where erased.
    pub fn content(&self) -> Option<&[u8]> {
        self.body.and_then(|b| b.get(SALT_BYTES..))
    }

    /// Checks the entry's own signature: with it all before it in its chain are authentic too.
    pub fn signed_by(&self, key: &Verifier) -> Result<(), Reason> {
        match mutant!(SkipRunSignature) || key.verify(ENTRY_TAG, self.header_bytes, self.signature) {
            true => Ok(()),
            false => Err(Reason::BadSignature),
        }
    }

    /// Appends header, signature, presence and body, as a run carries them.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.header_bytes);
        out.extend_from_slice(self.signature);
        out.push(u8::from(self.body.is_some()));
        out.extend_from_slice(self.body.unwrap_or_default());
    }
}

/// What an author adds to a feed.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Where the entry goes.
    pub feed: &'a Feed,
    /// The last entry of the feed, `None` before the first.
    pub head: Option<(Seq, EntryHash)>,
    /// The author's clock, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// Salt and bytes.
    pub body: &'a [u8],
}

/// Why a draft cannot be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// More than a body can hold.
    #[error("a body of {found} bytes is over the limit of 65,536")]
    BodyTooLarge {
        /// Bytes, salt included.
        found: usize,
    },
    /// The feed's sequence numbers, or the clock's milliseconds, are used up.
    #[error("the feed is full or the clock is out of range")]
    OutOfRange,
}

impl Draft<'_> {
    /// Signs, and returns the packed entry (as `Entry::write_to` gives it) with its place and hash.
    pub fn sign(&self, signer: &Signer) -> Result<(Vec<u8>, Seq, EntryHash), SignError> {
        let body_len = u32::try_from(self.body.len())
            .ok()
            .filter(|_| self.body.len() <= crate::wire::limits::BODY_BYTES_MAX)
            .ok_or(SignError::BodyTooLarge { found: self.body.len() })?;
        let (seq, previous) = match self.head {
            None => (Seq::FIRST, EntryHash::default()),
            Some((seq, hash)) => (seq.next().ok_or(SignError::OutOfRange)?, hash),
        };
        if self.time_ms >= INTEGER_END {
            return Err(SignError::OutOfRange);
        }
        let kind = match self.feed.author {
            Author::Identity => Kind::Identity,
            Author::Operator { .. } => Kind::Records,
        };
        let header = Header {
            kind,
            feed: self.feed.id(),
            seq,
            previous,
            time_ms: self.time_ms,
            body_hash: body_hash(self.body),
            body_len,
        };
        let (header_bytes, signature) = (header.encode(), header.sign(signer));
        let hash = entry_hash(&header_bytes, &signature);
        let entry =
            Entry { header, header_bytes: &header_bytes, signature: &signature, body: Some(self.body), hash };
        let mut out = Vec::with_capacity(HEADER_BYTES + SIGNATURE_BYTES + 1 + self.body.len());
        entry.write_to(&mut out);
        Ok((out, seq, hash))
    }
}
