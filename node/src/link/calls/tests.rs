//! Who has to go when callers do not read, and who stays.

use super::*;

fn line(calls: &Arc<Calls>, machine: u8, party: u8, known: bool) -> Arc<Line> {
    let line = calls.line(IpAddr::from([10, 0, 0, machine]));
    line.proven(PartyId([party; 32]), known);
    line
}

#[tokio::test(start_paused = true)]
async fn calls_of_one_party_are_bounded_over_all_its_connections_and_wait_for_each_other() {
    let calls = Arc::new(Calls::default());
    let lines = [line(&calls, 1, 1, true), line(&calls, 2, 1, true)];
    let mut open = Vec::new();
    for at in 0..limits::CALLS_PER_PARTY {
        open.push(calls.enter(&lines[at % 2]).await.expect("a place"));
    }
    assert!(calls.enter(&lines[0]).await.is_none(), "none came free in time");
    assert!(calls.enter(&line(&calls, 1, 2, true)).await.is_some(), "others are not held up");
    let (waiting, ()) = tokio::join!(calls.enter(&lines[0]), async { drop(open.pop()) });
    assert!(waiting.is_some());
}

#[tokio::test]
async fn strangers_give_way_by_where_most_calls_come_from_and_one_call_ends_nobody() {
    let calls = Arc::new(Calls::default());
    let honest = line(&calls, 9, 99, false);
    let kept = calls.enter(&honest).await.expect("a place");
    let member = line(&calls, 1, 98, true);
    let _call = calls.enter(&member).await.expect("a place");
    let crowd: Vec<_> = (0..limits::STRANGER_CALLS_MAX as u8).map(|n| line(&calls, 1, n, false)).collect();
    let mut open = Vec::new();
    for one in &crowd {
        open.push(calls.enter(one).await);
    }
    let gone = crowd.iter().filter(|l| l.leave.is_cancelled()).count();
    assert_eq!((gone, honest.leave.is_cancelled(), member.leave.is_cancelled()), (1, false, false));
    assert!(crowd[0].leave.is_cancelled(), "the oldest of equals");
    drop(kept);
}

#[tokio::test]
async fn whoever_lets_most_bytes_wait_is_let_go_and_readers_stay() {
    let calls = Arc::new(Calls::default());
    let reader = line(&calls, 1, 1, true);
    let silent = line(&calls, 2, 2, true);
    for _ in 0..1_000 {
        reader.handed(1 << 20);
        reader.wrote(1 << 20);
    }
    assert_eq!(reader.waiting(), 0);
    reader.handed(1 << 20);
    let mut handed = 0;
    while !silent.leave.is_cancelled() {
        silent.handed(256 * 1024);
        handed += 256 * 1024;
        assert!(handed <= limits::ANSWER_BYTES_MAX + (1 << 20), "{handed} bytes and still here");
    }
    assert!(!reader.leave.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn a_line_without_calls_is_idle_unless_somebody_known_has_called() {
    let calls = Arc::new(Calls::default());
    let (member, stranger) = (line(&calls, 1, 1, true), line(&calls, 2, 2, false));
    let call = calls.enter(&member).await.expect("a place");
    member.handed(10);
    tokio::time::advance(2 * limits::IDLE).await;
    assert!(stranger.is_idle() && !member.is_idle());
    drop(call);
    tokio::time::advance(2 * limits::IDLE).await;
    assert!(!member.is_idle(), "a linked hub calls again");
    let silent = line(&calls, 3, 3, true);
    tokio::time::advance(2 * limits::IDLE).await;
    assert!(silent.is_idle(), "it never called");
}
