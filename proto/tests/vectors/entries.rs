//! `entries.json`: what one entry alone decides (SPEC.md sections 2.1, 2.3, 2.4 and 3.2).

use caphub_proto::wire::feed::salted;
use caphub_proto::wire::keys::tagged_hash;
use caphub_proto::wire::{Audience, Feed, PartyId, Signer};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use crate::case::{EntryCase, EntryHex, Raw, feed, key, party, rehashed, salt};
use crate::curve;

const INTEGER_END: u64 = 1 << 53;

pub fn cases() -> Vec<EntryCase> {
    let mut cases = Cases::default();
    cases.plain();
    cases.bounds();
    cases.altered();
    cases.lengths();
    cases.audiences();
    cases.keys();
    cases.signatures();
    cases.identity();
    cases.0
}

#[derive(Default)]
struct Cases(Vec<EntryCase>);

fn desk() -> Signer {
    key("desk")
}

fn some() -> Raw {
    Raw::first(&feed(), b"an entry")
}

fn later() -> Raw {
    some().at(7, tagged_hash(b"caphub vectors: an entry before", &[]))
}

impl Cases {
    fn valid(&mut self, name: &str, entry: EntryHex) {
        self.add(name, entry, "");
    }

    fn add(&mut self, name: &str, entry: EntryHex, reason: &str) {
        let (name, reason) = (name.to_owned(), reason.to_owned());
        self.0.push(EntryCase { name, entry, valid: reason.is_empty(), reason });
    }

    fn plain(&mut self) {
        self.valid("first entry", some().signed(&desk()));
        self.valid("later entry", later().signed(&desk()));
        let mut absent = some().signed(&desk());
        absent.body.clear();
        self.valid("body absent", absent);
        self.valid("body of salt alone", some().with_body(salt("alone").to_vec()).signed(&desk()));
    }

    fn bounds(&mut self) {
        self.valid("seq 2^53 - 1", Raw { seq: INTEGER_END - 1, ..later() }.signed(&desk()));
        self.add("seq 0", Raw { seq: 0, ..later() }.signed(&desk()), "bad_seq");
        self.add("seq 2^53", Raw { seq: INTEGER_END, ..later() }.signed(&desk()), "bad_seq");
        self.add("seq 2^64 - 1", Raw { seq: u64::MAX, ..later() }.signed(&desk()), "bad_seq");
        self.valid("time 0", Raw { time: 0, ..some() }.signed(&desk()));
        self.valid("time 2^53 - 1", Raw { time: INTEGER_END - 1, ..some() }.signed(&desk()));
        self.add("time 2^53", Raw { time: INTEGER_END, ..some() }.signed(&desk()), "bad_time");
        let first_with_previous = Raw { seq: 1, ..later() };
        self.add("seq 1 with a previous", first_with_previous.signed(&desk()), "bad_previous");
        let later_without = Raw { previous: [0; 32], ..later() };
        self.add("seq 7 without a previous", later_without.signed(&desk()), "bad_previous");
        let body = |len: usize| salted(salt("long"), &vec![0x61; len - 16]);
        self.valid("body of 65,536 bytes", some().with_body(body(65_536)).signed(&desk()));
        self.add("body of 65,537 bytes", some().with_body(body(65_537)).signed(&desk()), "body_too_large");
        let mut absent = Raw { body_len: 65_537, ..some() }.signed(&desk());
        absent.body.clear();
        self.add("absent body of 65,537 bytes", absent, "body_too_large");
        self.add("body of 15 bytes", some().with_body(vec![7; 15]).signed(&desk()), "body_too_small");
        let none = Raw { body_len: 0, ..some() }.with_body(Vec::new());
        self.add("body of no bytes", none.signed(&desk()), "body_too_small");
        for version in [0, 2, 255] {
            let raw = Raw { version, ..some() };
            self.add(&format!("version {version}"), raw.signed(&desk()), "unknown_version");
        }
        self.add("kind 2", Raw { kind: 2, ..some() }.signed(&desk()), "unknown_kind");
        self.add("kind 0 in a records feed", Raw { kind: 0, ..some() }.signed(&desk()), "wrong_feed");
    }

    /// Each field of a valid header changed after it was signed.
    fn altered(&mut self) {
        let good = later();
        let signed = good.signed(&desk());
        let signature = hex::decode(&signed.signature).unwrap();
        let mut change = |name: &str, raw: Raw, reason: &str| {
            let altered = raw.hex(&signature, desk().public().as_bytes());
            self.add(&format!("altered {name}"), altered, reason);
        };
        change("version", Raw { version: 2, ..good.clone() }, "unknown_version");
        change("kind", Raw { kind: 0, ..good.clone() }, "wrong_feed");
        let mut feed_id = good.feed_id;
        feed_id[31] ^= 1;
        change("feed id", Raw { feed_id, ..good.clone() }, "wrong_feed");
        change("seq", Raw { seq: 8, ..good.clone() }, "bad_signature");
        let mut previous = good.previous;
        previous[0] ^= 0x80;
        change("previous", Raw { previous, ..good.clone() }, "bad_signature");
        change("time", Raw { time: good.time + 1, ..good.clone() }, "bad_signature");
        let mut hash = good.body_hash;
        hash[5] ^= 4;
        change("body hash", Raw { body_hash: hash, ..good.clone() }, "body_hash");
        let absent = Raw { body_hash: hash, body: Vec::new(), ..good.clone() };
        change("body hash, body absent", absent, "bad_signature");
        change("body length", Raw { body_len: good.body_len + 1, ..good.clone() }, "body_length");
        let absent = Raw { body_len: good.body_len + 1, body: Vec::new(), ..good.clone() };
        change("body length, body absent", absent, "bad_signature");
        let mut body = good.body.clone();
        body[20] ^= 1;
        change("body", Raw { body, ..good.clone() }, "body_hash");
        let mut body = good.body.clone();
        body[0] ^= 1;
        change("salt", Raw { body, ..good.clone() }, "body_hash");
        let mut longer = good.body.clone();
        longer.push(0);
        change("body, one byte more", Raw { body: longer, ..good.clone() }, "body_length");
        let shorter = good.body[..good.body.len() - 1].to_vec();
        change("body, one byte less", Raw { body: shorter, ..good.clone() }, "body_length");
        let other = Feed::records(PartyId([9; 32]), desk().public(), Audience::Public);
        change("party", Raw { party: other.party.to_vec(), ..good.clone() }, "wrong_feed");
        change(
            "operator key",
            Raw { key: key("another desk").public().to_vec(), ..good.clone() },
            "wrong_feed",
        );
        change("audience", Raw { audience: vec![1], ..good.clone() }, "wrong_feed");
    }

    fn lengths(&mut self) {
        let cut = |mut entry: EntryHex, header: usize, signature: usize| {
            for (text, length) in [(&mut entry.header, header), (&mut entry.signature, signature)] {
                let mut bytes = hex::decode(&text[..]).unwrap();
                bytes.resize(length, 0);
                *text = hex::encode(bytes);
            }
            rehashed(entry)
        };
        for (name, header, signature) in [
            ("header of 117 bytes", 117, 64),
            ("header of 119 bytes", 119, 64),
            ("header of no bytes", 0, 64),
            ("signature of 63 bytes", 118, 63),
            ("signature of 65 bytes", 118, 65),
        ] {
            self.add(name, cut(some().signed(&desk()), header, signature), "bad_length");
        }
        let short = Raw { party: vec![1; 31], ..some() };
        self.add("party id of 31 bytes", short.with_audience(&[0]).signed(&desk()), "bad_length");
        let short = some().with_key(&desk().public().0[..31]);
        self.add("operator key of 31 bytes", short.signed(&desk()), "bad_length");
        let long = some().with_key(&[&desk().public().0[..], &[0]].concat());
        self.add("operator key of 33 bytes", long.signed(&desk()), "bad_length");
    }

    fn audiences(&mut self) {
        let hub = [&[2][..], &[0x42; 32]].concat();
        let sealed = [&[3][..], &[0x17; 16]].concat();
        for (name, audience) in [("network", &[1][..]), ("hub", &hub), ("sealed", &sealed)] {
            self.valid(&format!("audience {name}"), some().with_audience(audience).signed(&desk()));
        }
        for (name, audience) in [
            ("of unknown type", &[4][..]),
            ("public with a trailing byte", &[0, 0]),
            ("network with a trailing byte", &[1, 0]),
            ("hub without its id", &[2]),
            ("hub with 31 bytes", &hub[..32]),
            ("hub with a trailing byte", &[&hub[..], &[0]].concat()),
            ("sealed with 15 bytes", &sealed[..16]),
            ("sealed with a trailing byte", &[&sealed[..], &[0]].concat()),
        ] {
            let entry = some().with_audience(audience).signed(&desk());
            self.add(&format!("audience {name}"), entry, "bad_audience");
        }
    }

    /// Rules 1 to 3 of section 2.1. Where the key is of small order the signature satisfies the equation.
    fn keys(&mut self) {
        for (index, point) in curve::small_order().into_iter().enumerate() {
            let a = point.compress().0;
            let mut raw = some().with_key(&a);
            // With R the identity and S zero the equation is [k]A = 0.
            while (curve::challenge(&curve::identity(), &a, &raw.header()) * point) != Identity::identity() {
                raw.time += 1;
            }
            let signature = curve::sign_with_identity(Scalar::ZERO, curve::identity(), &a, &raw.header());
            self.add(&format!("key of small order {index}"), raw.hex(&signature, &a), "bad_key");
        }
        for y in [0, 1, 3, 4, 18] {
            let name = format!("key with y = p + {y}");
            self.any_signature(&name, curve::plus_p(y));
        }
        let mut sign = curve::identity();
        sign[31] |= 0x80;
        self.any_signature("key with x = 0 and its sign set", sign);
        let mut top = curve::plus_p(1);
        top[31] |= 0x80;
        self.any_signature("key with y = p + 1 and its sign set", top);
        self.any_signature("key that is not on the curve", curve::off_curve());
        self.any_signature("key of 255 ones and a sign", [0xff; 32]);
        self.mixed_order_key();
    }

    fn any_signature(&mut self, name: &str, a: [u8; 32]) {
        let entry = some().with_key(&a).signed(&desk());
        self.add(name, entry, "bad_key");
    }

    /// A key of mixed order is legal; its signatures hold where k removes the part of small order.
    fn mixed_order_key(&mut self) {
        let (secret, torsion) = (curve::secret(&desk()), curve::small_order()[1]);
        let a = curve::public_with(secret, torsion);
        let sign = |raw: &Raw| {
            let plain = Identity::identity();
            curve::sign_with(secret, Scalar::from(5_u8), plain, &a, &raw.header())
        };
        let fits = |raw: &Raw| {
            let r: [u8; 32] = sign(raw)[..32].try_into().unwrap();
            curve::challenge(&r, &a, &raw.header()) * torsion == Identity::identity()
        };
        let mut raw = some().with_key(&a);
        while !fits(&raw) {
            raw.time += 1;
        }
        self.valid("key of mixed order", raw.hex(&sign(&raw), &a));
        while fits(&raw) {
            raw.time += 1;
        }
        self.add("key of mixed order, valid with cofactor only", raw.hex(&sign(&raw), &a), "bad_signature");
    }

    /// Rules 4 to 6 of section 2.1.
    fn signatures(&mut self) {
        let (raw, public) = (some(), desk().public());
        let good: [u8; 64] = desk().sign(b"caphub/entry/1\0", &raw.header());
        let secret = curve::secret(&desk());
        let mut add = |name: &str, signature: &[u8; 64]| {
            self.add(name, raw.hex(signature, public.as_bytes()), "bad_signature");
        };
        add("malleable signature, S + L", &curve::plus_order(good));
        let mut high = good;
        high[63] |= 0xe0;
        add("S with its top bits set", &high);
        for (name, r) in
            [("R is the identity", curve::identity()), ("R is the identity as p + 1", curve::plus_p(1))]
        {
            add(name, &curve::sign_with_identity(secret, r, public.as_bytes(), &raw.header()));
        }
        let mut signed_zero = curve::identity();
        signed_zero[31] |= 0x80;
        let signature = curve::sign_with_identity(secret, signed_zero, public.as_bytes(), &raw.header());
        add("R is the identity with its sign set", &signature);
        for index in 1..8 {
            let torsion = curve::small_order()[index];
            let zero = curve::sign_with(secret, Scalar::ZERO, torsion, public.as_bytes(), &raw.header());
            add(&format!("R of small order {index}"), &zero);
        }
        let torsion = curve::small_order()[1];
        let mixed = curve::sign_with(secret, Scalar::from(9_u8), torsion, public.as_bytes(), &raw.header());
        add("R of mixed order, valid with cofactor only", &mixed);
        let mut off = good;
        off[..32].copy_from_slice(&curve::off_curve());
        add("R that is not on the curve", &off);
        add("signature of zeroes", &[0; 64]);
        for (name, byte) in [("R", 0), ("S", 32)] {
            let mut flipped = good;
            flipped[byte] ^= 1;
            add(&format!("one bit of {name} changed"), &flipped);
        }
        add("signature without a tag", &desk().sign(b"", &raw.header()));
        add("signature with another tag", &desk().sign(b"caphub/identity-sig/1\0", &raw.header()));
        add("signature by another key", &key("another desk").sign(b"caphub/entry/1\0", &raw.header()));
    }

    fn identity(&mut self) {
        let feed = Feed::identity(party());
        let root = key("root");
        let raw = Raw::first(&feed, b"read by the identity rules only");
        self.valid("identity entry", raw.signed(&root));
        self.add("kind 1 in an identity feed", Raw { kind: 1, ..raw.clone() }.signed(&root), "wrong_feed");
        let signature: [u8; 64] = key("another root").sign(b"caphub/entry/1\0", &raw.header());
        let other = raw.hex(&signature, root.public().as_bytes());
        self.add("identity entry by another key", other, "bad_signature");
        let records = Raw { feed_id: self::feed().id().0, ..raw };
        self.add("identity entry with the feed id of records", records.signed(&root), "wrong_feed");
    }
}
