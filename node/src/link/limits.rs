//! Every bound of the link in one place, with unit and reason (SPEC.md section 9.2).

use std::time::Duration;

/// Largest gRPC message in bytes, both ways; sixteen times the batch that senders aim at.
pub const MESSAGE_BYTES_MAX: usize = caphub_proto::wire::limits::MESSAGE_BYTES_MAX;
/// Streams that one connection may have open at once.
pub const STREAMS_MAX: u32 = 128;
/// Streams that a caller may reset before the connection ends: the rapid-reset defence.
pub const RESETS_MAX: usize = 64;
/// Largest HTTP/2 frame in bytes; fewer, larger frames carry bulk sync.
pub const FRAME_BYTES_MAX: u32 = 256 * 1024;
/// Largest header list of a request in bytes.
pub const HEADER_LIST_BYTES_MAX: u32 = 16 * 1024;
/// Bytes in flight on one stream.
pub const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes in flight on one connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// Bytes waiting to be sent on one stream, beyond which no more of its answer is asked for: one batch leaves, the next waits.
pub const SEND_BUFFER_BYTES: usize = 256 * 1024;
/// Bytes of answers that wait to be read, of all known callers together: eight of them with all that one may have.
pub const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The same of one party over all its connections: some bulk streams at once; more wait.
pub const ANSWER_BYTES_PER_PARTY: u64 = 8 * 1024 * 1024;
/// The same of all strangers together.
pub const STRANGER_ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The same of one stranger.
pub const STRANGER_ANSWER_BYTES_PER_PARTY: u64 = 2 * 1024 * 1024;
/// What a call counts as until it is answered: most answers are smaller.
pub const CALL_BYTES: u64 = 128 * 1024;
/// What a call counts as beside its bytes while its answer is open: the stream and its task.
pub const STREAM_BYTES: u64 = 16 * 1024;
/// The common room has been full for this long before it is looked who holds it up, and again after as long.
pub const FULL_FOR: Duration = Duration::from_secs(5);
/// Who then reads so slowly that what it holds takes longer than this may have to go.
pub const DRAIN: Duration = Duration::from_secs(120);
/// A connection that has to go tells its calls why for this long.
pub const FAREWELL: Duration = Duration::from_secs(1);
/// Streams that a stranger may have open at once on one connection.
pub const STRANGER_STREAMS_MAX: u32 = 16;
/// Largest HTTP/2 frame of a stranger in bytes: the smallest that the protocol allows as a limit.
pub const STRANGER_FRAME_BYTES_MAX: u32 = 16 * 1024;
/// Bytes in flight from a stranger on one stream: a usual identity log fits.
pub const STRANGER_STREAM_WINDOW_BYTES: u32 = 64 * 1024;
/// Bytes in flight from a stranger on one connection; all that may connect hold 128 MiB at most.
pub const STRANGER_CONNECTION_WINDOW_BYTES: u32 = 128 * 1024;
/// Bytes read from the socket at once, under TLS.
pub const READ_BUFFER_BYTES: usize = 128 * 1024;
/// From accept to a finished TLS handshake.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// A ping goes out on a silent connection after this long.
pub const PING_AFTER: Duration = Duration::from_secs(30);
/// And the connection ends where it is not answered within this.
pub const PING_ANSWER: Duration = Duration::from_secs(20);
/// From a dial to a connection.
pub const CONNECT: Duration = Duration::from_secs(15);
/// A further address is tried after this long, while the one before still may answer (RFC 8305).
pub const STAGGER: Duration = Duration::from_millis(300);
/// Addresses of one hub that are tried at one dial: those of its card and those learned.
pub const ADDRESSES_TRIED_MAX: usize = 24;
/// A unary request.
pub const REQUEST: Duration = Duration::from_secs(60);
/// Connections in all; about 150 KiB of memory each once their read buffers were used.
pub const CONNECTIONS_MAX: usize = 1_024;
/// Connections of one identity.
pub const CONNECTIONS_PER_PARTY: usize = 16;
/// Requests of one identity in one minute.
pub const REQUESTS_PER_MINUTE: u32 = 6_000;
/// Bytes of entries that one identity brings in one minute; more wait for the next. A linked hub is not bound.
pub const BYTES_PER_MINUTE: u64 = 256 * 1024 * 1024;
/// Streams by which one identity brings entries at once; each may hold one message in memory.
pub const PUSHES_PER_PARTY: usize = 8;
/// Messages that are checked and stored at once, of different identities: enough to keep the disk busy.
pub const INGEST_SLOTS: usize = 4;
/// Follow and watch streams of one identity at once.
pub const FOLLOWS_PER_PARTY: usize = 8;
/// Clocks that differ by more than this are refused; certificates live at most 7 days.
pub const CLOCK_SKEW_MS_MAX: u64 = 10 * 60 * 1000;
/// Runs waiting between the network and the disk, in messages.
pub const PIPELINE_MESSAGES: usize = 8;
