//! Files as chunks (SPEC.md section 17.1): the list of what each chunk hashes to, and the hash of that list.
//!
//! Whoever has the list can check each chunk as it comes, from wherever it comes, and take the rest from elsewhere.

use crate::wire::keys::tagged_hash;

/// Largest file in bytes: 4 GiB.
pub const FILE_BYTES_MAX: u64 = 4 << 30;
/// Most chunks of a file: the list stays small, and can be sent before the first byte.
pub const CHUNKS_MAX: u64 = 4_096;
/// Bytes of a chunk, the smallest size first; the largest fits a message.
pub const CHUNK_BYTES: [u32; 3] = [256 * 1024, 512 * 1024, 1024 * 1024];
/// Bytes before the chunks' hashes.
const HEAD_BYTES: usize = 1 + 4 + 8;
/// Most bytes of a manifest.
pub const MANIFEST_BYTES_MAX: usize = HEAD_BYTES + CHUNKS_MAX as usize * 32;

/// What a file's chunks hash to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    bytes: u64,
    chunk_bytes: u32,
    hashes: Vec<[u8; 32]>,
}

/// The bytes are not a manifest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ManifestError {
    /// They do not hash to what was asked for.
    #[error("the list of chunks is not the one that was signed")]
    Hash,
    /// Another layout.
    #[error("the list of chunks has another layout")]
    Layout,
}

/// Bytes of a chunk of a file of so many; `None` for a file that is too large.
pub fn chunk_bytes(file_bytes: u64) -> Option<u32> {
    CHUNK_BYTES.into_iter().find(|size| file_bytes.div_ceil(u64::from(*size)) <= CHUNKS_MAX)
}

/// What a chunk hashes to.
pub fn chunk_hash(chunk: &[u8]) -> [u8; 32] {
    tagged_hash(b"caphub/chunk/1\0", &[chunk])
}

impl Manifest {
    /// The list for a file of so many bytes; `None` where the number of hashes is another than its chunks'.
    pub fn new(bytes: u64, hashes: Vec<[u8; 32]>) -> Option<Self> {
        let chunk_bytes = chunk_bytes(bytes)?;
        let whole = bytes.div_ceil(u64::from(chunk_bytes)) == hashes.len() as u64;
        whole.then_some(Self { bytes, chunk_bytes, hashes })
    }

    /// Reads the list with this hash.
    pub fn decode(bytes: &[u8], hash: &[u8]) -> Result<Self, ManifestError> {
        if tagged_hash(b"caphub/manifest/1\0", &[bytes]) != hash {
            return Err(ManifestError::Hash);
        }
        Self::parse(bytes)
    }

    /// Reads a list of which only its own layout is known to hold; what it hashes to is for the caller to compare.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (head, hashes) = bytes.split_at_checked(HEAD_BYTES).ok_or(ManifestError::Layout)?;
        let mut reader = crate::wire::bytes::Reader::new(head);
        let read = (reader.u8(), reader.u32(), reader.u64());
        let (Some(1), Some(chunk), Some(length)) = read else { return Err(ManifestError::Layout) };
        let (hashes, []) = hashes.as_chunks::<32>() else { return Err(ManifestError::Layout) };
        let found = Self::new(length, hashes.to_vec()).filter(|m| m.chunk_bytes == chunk);
        found.ok_or(ManifestError::Layout)
    }

    /// As it is kept and travels.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![1];
        out.extend_from_slice(&self.chunk_bytes.to_be_bytes());
        out.extend_from_slice(&self.bytes.to_be_bytes());
        self.hashes.iter().for_each(|h| out.extend_from_slice(h));
        out
    }

    /// What the list hashes to: a record names it.
    pub fn hash(&self) -> [u8; 32] {
        tagged_hash(b"caphub/manifest/1\0", &[&self.encode()])
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many chunks there are.
    pub fn count(&self) -> u32 {
        // At most `CHUNKS_MAX`.
        self.hashes.len() as u32
    }

    /// Where a chunk lies in the file: its first byte and its length; `None` beyond the last.
    pub fn place(&self, index: u32) -> Option<(u64, usize)> {
        let first = u64::from(index).checked_mul(u64::from(self.chunk_bytes))?;
        let left = self.bytes.checked_sub(first).filter(|left| *left > 0)?;
        Some((first, left.min(u64::from(self.chunk_bytes)) as usize))
    }

    /// True where these are the bytes of this chunk.
    pub fn is_chunk(&self, index: u32, bytes: &[u8]) -> bool {
        let length = self.place(index).map(|(_, length)| length);
        length == Some(bytes.len()) && self.hashes.get(index as usize) == Some(&chunk_hash(bytes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Manifest {
        let size = chunk_bytes(bytes.len() as u64).unwrap() as usize;
        Manifest::new(bytes.len() as u64, bytes.chunks(size).map(chunk_hash).collect()).unwrap()
    }

    #[test]
    fn a_manifest_reads_back_and_checks_each_chunk() {
        let size = CHUNK_BYTES[0] as usize;
        for length in [0, 1, size - 1, size, size + 1, 3 * size + 7] {
            let file: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
            let manifest = of(&file);
            let again = Manifest::decode(&manifest.encode(), &manifest.hash()).unwrap();
            assert_eq!(again, manifest);
            for index in 0..manifest.count() {
                let (at, length) = manifest.place(index).unwrap();
                let mut chunk = file[at as usize..at as usize + length].to_vec();
                assert!(manifest.is_chunk(index, &chunk));
                assert!(!manifest.is_chunk(index, &chunk[1..]));
                chunk[length / 2] ^= 1;
                assert!(!manifest.is_chunk(index, &chunk), "one bit is enough");
            }
            assert_eq!(manifest.place(manifest.count()), None);
        }
    }

    #[test]
    fn chunks_grow_with_the_file_and_the_list_does_not() {
        let sizes = [(0, 262_144), (1 << 30, 262_144), ((1 << 30) + 1, 524_288), (FILE_BYTES_MAX, 1_048_576)];
        for (bytes, size) in sizes {
            assert_eq!(chunk_bytes(bytes), Some(size), "{bytes}");
        }
        assert_eq!(chunk_bytes(FILE_BYTES_MAX + 1), None);
    }

    #[test]
    fn what_is_no_manifest_is_refused_before_anything_is_kept() {
        let good = of(&[7; 300_000]).encode();
        let hash = |bytes: &[u8]| tagged_hash(b"caphub/manifest/1\0", &[bytes]);
        let mut cases = vec![Vec::new(), good[..12].to_vec(), good[..44].to_vec(), good[..13].to_vec()];
        // Another version, size of chunk, length; one hash too many.
        for at in [0, 4, 9] {
            let mut wrong = good.clone();
            wrong[at] ^= 1;
            cases.push(wrong);
        }
        cases.push([&good[..], &[0; 32]].concat());
        for case in cases {
            assert_eq!(Manifest::decode(&case, &hash(&case)), Err(ManifestError::Layout), "{case:02x?}");
        }
        assert_eq!(Manifest::decode(&good, &[0; 32]), Err(ManifestError::Hash));
    }
}
