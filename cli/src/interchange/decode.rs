//! Bytes of unknown encoding as text.

/// Text by its byte-order mark, as UTF-8 where it is that, else by what its bytes look like.
pub fn text(bytes: &[u8]) -> String {
    if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let mut detector = chardetng::EncodingDetector::new();
    detector.feed(bytes, true);
    detector.guess(None, true).decode_without_bom_handling(bytes).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_utf8_and_older_encodings_are_told_apart() {
        assert_eq!(text("\u{feff}Élève".as_bytes()), "Élève");
        let utf16: Vec<u8> = "\u{feff}Cours;Début".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(text(&utf16), "Cours;Début");
        let latin = b"Titre;Description\nS\xe9curit\xe9 des r\xe9seaux;Une journ\xe9e enti\xe8re";
        assert_eq!(text(latin), "Titre;Description\nSécurité des réseaux;Une journée entière");
    }
}
