//! Who waits when answers are not read, who has to go, and who stays.

use std::net::IpAddr;

use super::*;

const KIB: u64 = 1024;

fn line(answers: &Arc<Answers>, machine: u8, party: u8, known: bool) -> Arc<Line> {
    answers.line(Prefix::of(IpAddr::from([10, 0, 0, machine])), PartyId([party; 32]), known)
}

#[tokio::test(start_paused = true)]
async fn a_party_waits_for_its_own_answers_over_all_its_connections_and_nobody_else_does() {
    let answers = Arc::new(Answers::default());
    let lines = [line(&answers, 1, 1, true), line(&answers, 2, 1, true)];
    let mut held = Vec::new();
    for at in 0..limits::ANSWER_BYTES_PER_PARTY / (256 * KIB) {
        held.push(lines[at as usize % 2].room(256 * KIB).await.expect("room"));
    }
    let refused = lines[0].enter().await.expect_err("no room");
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    line(&answers, 1, 2, true).room(KIB).await.expect("others have room");
    let (waited, ()) = tokio::join!(lines[1].room(KIB), async { drop(held.pop()) });
    assert!(waited.is_ok() && !lines[0].leave.is_cancelled() && !lines[1].leave.is_cancelled());
}

#[tokio::test(start_paused = true)]
async fn strangers_that_do_not_read_go_by_where_most_of_it_is_held_and_members_have_room_meanwhile() {
    let answers = Arc::new(Answers::default());
    let honest = line(&answers, 9, 99, false);
    let _little = honest.room(16 * KIB).await.expect("room");
    let crowd: Vec<_> = (0..200).map(|n| line(&answers, 1, n, false)).collect();
    let mut held = Vec::new();
    while answers.strangers.has_room() {
        for one in &crowd {
            held.push(one.hold(64 * KIB));
        }
    }
    let asked = Instant::now();
    line(&answers, 2, 250, true).room(256 * KIB).await.expect("members have room of their own");
    assert_eq!(asked.elapsed(), Duration::ZERO);
    let waiting = tokio::spawn({
        let honest = Arc::clone(&honest);
        async move { honest.room(16 * KIB).await }
    });
    while !waiting.is_finished() {
        tokio::time::sleep(Duration::from_secs(1)).await;
        held.retain(|held| !held.line.leave.is_cancelled());
    }
    waiting.await.expect("a task").expect("room");
    let gone = crowd.iter().filter(|line| line.leave.is_cancelled()).count();
    assert!(gone > 0 && gone < 150, "{gone}");
    assert!(!honest.leave.is_cancelled() && asked.elapsed() < limits::REQUEST);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_stays_while_what_it_holds_moves() {
    let answers = Arc::new(Answers::default());
    let slow = line(&answers, 1, 1, true);
    let mut held = Vec::new();
    for party in 2..20 {
        let line = line(&answers, 1, party, true);
        held.push((line.hold(4 * 1024 * KIB), Arc::clone(&line)));
    }
    let own = slow.hold(7 * 1024 * KIB);
    let waiting = tokio::spawn({
        let other = line(&answers, 3, 200, true);
        async move { other.room(KIB).await.map(drop) }
    });
    for _ in 0..limits::FULL_FOR.as_secs() * 3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        slow.left.fetch_add(100 * KIB, Ordering::Relaxed);
        held.retain(|(held, _)| !held.line.leave.is_cancelled());
    }
    assert!(!slow.leave.is_cancelled(), "one that holds most, and reads");
    assert!(held.len() < 18, "one that does not read went");
    drop((own, held));
    waiting.await.expect("a task").expect("room");
}

#[tokio::test]
async fn what_was_counted_is_given_back_to_where_it_was_taken() {
    let answers = Arc::new(Answers::default());
    let line = line(&answers, 1, 1, false);
    let mut held = line.room(64 * KIB).await.expect("room");
    held.shrink(KIB);
    assert_eq!((answers.strangers.used(), line.held()), (KIB, KIB));
    line.is_known();
    let more = line.hold(KIB);
    assert_eq!((answers.strangers.used(), answers.known.used()), (KIB, KIB));
    drop((held, more));
    assert_eq!((answers.strangers.used(), answers.known.used(), line.held()), (0, 0, 0));
}
