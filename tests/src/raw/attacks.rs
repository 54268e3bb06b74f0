//! What attackers send over a link.

use super::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, RESET, SETTINGS, WINDOW_UPDATE, frame,
    headers, message,
};

/// What is sent once, and what over and over with ever new stream numbers.
pub struct Attack {
    /// How it is called.
    pub name: &'static str,
    /// Sent once.
    pub once: fn() -> Vec<u8>,
    /// Sent over and over.
    pub again: fn(u32) -> Vec<u8>,
    /// The node has to end the connection by itself.
    pub ends: bool,
}

const HELLO: &str = "/caphub.v1.FederationService/Hello";
const PUSH: &str = "/caphub.v1.FederationService/Push";

/// All of them.
pub const ATTACKS: &[Attack] = &[
    Attack {
        name: "rapid reset",
        once: Vec::new,
        again: |n| {
            let opened = frame(HEADERS, END_HEADERS, n, &headers(HELLO));
            [opened, frame(RESET, 0, n, &8_u32.to_be_bytes())].concat()
        },
        ends: false,
    },
    Attack {
        name: "empty frames",
        once: || frame(HEADERS, END_HEADERS, 1, &headers(PUSH)),
        again: |_| frame(DATA, 0, 1, &[]),
        ends: false,
    },
    Attack {
        name: "continuation flood",
        once: || frame(HEADERS, 0, 1, &headers(HELLO)),
        again: |n| {
            let mut block = vec![0, 3];
            block.extend(format!("x{:02}", n % 100).as_bytes());
            block.push(100);
            block.extend([b'x'; 100]);
            frame(CONTINUATION, 0, 1, &block)
        },
        ends: true,
    },
    Attack {
        name: "more streams than allowed",
        once: Vec::new,
        again: |n| frame(HEADERS, END_HEADERS, n, &headers(PUSH)),
        ends: false,
    },
    Attack {
        name: "answers that nobody reads",
        // The largest windows that there are: the caller's own bounds hold nothing back.
        once: || {
            let windows = frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]);
            [windows, frame(WINDOW_UPDATE, 0, 0, &0x7fff_0000_u32.to_be_bytes())].concat()
        },
        again: |n| {
            // The schema is some hundred kilobytes.
            let asked = [&[0x22, 27][..], b"caphub.v1.FederationService"].concat();
            let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
            [frame(HEADERS, END_HEADERS, n, &headers(path)), frame(DATA, END_STREAM, n, &message(&asked))]
                .concat()
        },
        ends: false,
    },
    Attack {
        name: "oversized messages",
        once: Vec::new,
        again: |n| {
            // 4 GiB are claimed, and some bytes come.
            let mut claimed = vec![0, 0xff, 0xff, 0xff, 0xff];
            claimed.extend([7; 1_000]);
            [frame(HEADERS, END_HEADERS, n, &headers(PUSH)), frame(DATA, 0, n, &claimed)].concat()
        },
        ends: false,
    },
    Attack {
        name: "deeply nested messages",
        once: Vec::new,
        again: |n| {
            // Groups in groups, that no message of ours has: whatever reads unknown fields goes down into them.
            let nested = message(&[0x7b; 16_000]);
            [frame(HEADERS, END_HEADERS, n, &headers(HELLO)), frame(DATA, END_STREAM, n, &nested)].concat()
        },
        ends: false,
    },
    Attack {
        name: "settings and pings that nobody reads answers to",
        once: Vec::new,
        again: |n| [frame(SETTINGS, 0, 0, &[]), frame(PING, 0, 0, &u64::from(n).to_be_bytes())].concat(),
        ends: false,
    },
];
