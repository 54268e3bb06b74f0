//! Needs and offers that nobody has confirmed in time (SPEC.md section 15.7).

use crate::exchange::acts::end_of;
use crate::v1::revision::Record;

/// Days after the stated one until a need or an offer is shown as not confirmed.
pub const GRACE_DAYS: u64 = 30;

/// The end of the day by which its author has to confirm it; `None` where it names none.
pub fn due_ms(record: &Record) -> Option<u64> {
    match record {
        Record::Need(need) => end_of(&need.confirm_by),
        Record::Offer(offer) => end_of(&offer.confirm_by),
        _ => None,
    }
}

/// Since when it counts as not confirmed: its day, once the days of grace are over too.
pub fn lapsed_ms(record: &Record, now_ms: u64) -> Option<u64> {
    due_ms(record).filter(|due| now_ms >= due.saturating_add(GRACE_DAYS * 86_400_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::Need;

    #[test]
    fn a_need_is_due_at_the_end_of_its_day_and_not_confirmed_after_thirty_more() {
        let need = |day: &str| Record::Need(Need { confirm_by: day.to_owned(), ..Need::default() });
        let (day, end) = (86_400_000, due_ms(&need("1970-01-10")));
        assert_eq!(end, Some(10 * day));
        assert_eq!(lapsed_ms(&need("1970-01-10"), 40 * day - 1), None);
        assert_eq!(lapsed_ms(&need("1970-01-10"), 40 * day), end);
        assert_eq!(due_ms(&need("")), None);
    }
}
