//! Files on disk: nothing is trusted when it is read.
#![allow(clippy::unwrap_used)]

use super::*;

fn file(folder: &Path, bytes: usize) -> (PathBuf, Vec<u8>) {
    let content: Vec<u8> = (0..bytes).map(|i| (i * 31 % 251) as u8).collect();
    let path = folder.join("original");
    fs::write(&path, &content).unwrap();
    (path, content)
}

fn id(blob: &v1::Blob) -> FileId {
    blob.manifest.clone().try_into().unwrap()
}

fn digest(blob: &v1::Blob) -> [u8; 32] {
    blob.digest.clone().try_into().unwrap()
}

#[test]
fn a_file_comes_out_as_it_went_in_and_its_digest_is_that_of_common_tools() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::of(folder.path());
    for bytes in [0, 1, 262_144, 900_001] {
        let (path, content) = file(folder.path(), bytes);
        let blob = blobs.add(&path).unwrap();
        assert_eq!(blob.digest, Sha256::digest(&content).to_vec());
        assert_eq!((blobs.state(&id(&blob)), blob.bytes), (State::Whole, bytes as u64));
        let out = folder.path().join("out");
        blobs.export(&id(&blob), &blob.digest, &out).unwrap();
        assert_eq!(fs::read(&out).unwrap(), content);
        assert_eq!(blobs.read(&id(&blob), 1 << 20).unwrap(), content);
    }
    let left = fs::read_dir(folder.path().join("artifacts")).unwrap();
    assert!(left.flatten().all(|e| !e.file_name().to_string_lossy().ends_with(".new")));
}

#[test]
fn a_damaged_chunk_is_never_read_and_is_missed_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::of(folder.path());
    let (path, content) = file(folder.path(), 900_001);
    let blob = blobs.add(&path).unwrap();
    let id = id(&blob);
    let data = blobs.path(&id, "data");
    let mut damaged = content.clone();
    damaged[300_000] ^= 1;
    fs::write(&data, &damaged).unwrap();
    assert!(blobs.chunk(&id, 0).is_ok());
    assert!(matches!(blobs.chunk(&id, 1), Err(BlobError::NotChunk { index: 1 })));
    let out = folder.path().join("out");
    assert!(blobs.export(&id, &blob.digest, &out).is_err() && !out.exists());
    assert_eq!(blobs.state(&id), State::Partial(vec![ChunkRange { from: 1, count: 1 }]));
    let mut again = blobs.receive(id, blobs.list(&id).unwrap()).unwrap();
    assert!(again.put(1, &damaged[262_144..524_288]).is_err());
    again.put(1, &content[262_144..524_288]).unwrap();
    again.finish(&[digest(&blob)]).unwrap();
    assert_eq!(blobs.state(&id), State::Whole);
}

#[test]
fn what_was_cut_goes_on_after_a_restart_with_what_is_missing() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (path, content) = file(from.path(), 900_001);
    let source = Blobs::of(from.path());
    let blob = source.add(&path).unwrap();
    let id = id(&blob);
    let list = source.list(&id).unwrap();
    {
        let blobs = Blobs::of(to.path());
        let mut incoming = blobs.receive(id, list.clone()).unwrap();
        assert!(matches!(blobs.receive(id, list.clone()), Err(BlobError::Busy)));
        incoming.put(2, &source.chunk(&id, 2).unwrap()).unwrap();
        assert!(!incoming.put(2, &source.chunk(&id, 2).unwrap()).unwrap(), "once is enough");
        assert!(matches!(incoming.finish(&[[0; 32]]), Err(BlobError::Absent)));
    }
    // A torn write: half of chunk 0 reached the disk.
    let blobs = Blobs::of(to.path());
    let part = OpenOptions::new().write(true).open(blobs.path(&id, "part")).unwrap();
    part.write_all_at(&content[..100_000], 0).unwrap();
    let mut incoming = blobs.receive(id, list).unwrap();
    assert_eq!(incoming.missing(), [ChunkRange { from: 0, count: 2 }, ChunkRange { from: 3, count: 1 }]);
    for index in [0, 1, 3] {
        incoming.put(index, &source.chunk(&id, index).unwrap()).unwrap();
    }
    assert!(incoming.is_complete());
    incoming.finish(&[digest(&blob)]).unwrap();
    assert_eq!(blobs.read(&id, 1 << 20).unwrap(), content);
}

#[test]
fn a_record_whose_digest_is_not_its_files_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (path, content) = file(folder.path(), 10);
    let blobs = Blobs::of(folder.path());
    let blob = blobs.add(&path).unwrap();
    let (id, list) = (id(&blob), blobs.list(&id(&blob)).unwrap());
    blobs.remove(&id).unwrap();
    let mut incoming = blobs.receive(id, list).unwrap();
    incoming.put(0, &content).unwrap();
    assert!(matches!(incoming.finish(&[[0; 32], [1; 32]]), Err(BlobError::NotDigest)));
    assert_eq!((blobs.state(&id), blobs.all().len()), (State::Absent, 0));
}

#[test]
fn a_list_that_is_not_its_names_is_no_list() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = file(folder.path(), 10);
    let blobs = Blobs::of(folder.path());
    let id = id(&blobs.add(&path).unwrap());
    fs::write(blobs.path(&id, "list"), b"anything").unwrap();
    assert!(blobs.list(&id).is_none() && blobs.all().is_empty());
    assert!(matches!(blobs.chunk(&id, 0), Err(BlobError::Absent)));
}
