//! Who gives way when all connections are in use: callers that have not proven who they are, then strangers, most of all those
//! from where most of them come. A known caller never does.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

/// What is known of a caller.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Standing {
    /// Its handshake has not ended.
    Unproven,
    /// It proved an identity that is nobody's here.
    Stranger,
    /// A linked hub, a member, or one of theirs.
    Known,
}

/// The open connections of one server.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    open: BTreeMap<u64, Guest>,
}

#[derive(Debug)]
struct Guest {
    from: Prefix,
    standing: Standing,
    leave: CancellationToken,
}

/// What one machine or one household can have many addresses of: an IPv4 address, 64 bits of an IPv6 one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Prefix(u64);

impl Prefix {
    pub(super) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // No IPv6 address begins like this.
            IpAddr::V4(v4) => Self(u64::from(v4.to_bits())),
            IpAddr::V6(v6) => Self((v6.to_bits() >> 64) as u64 | 1 << 63),
        }
    }
}

/// A place among the connections; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    number: u64,
    leave: CancellationToken,
}

impl Crowd {
    /// Room for so many.
    pub(super) fn new(most: usize) -> Self {
        Self { most, inner: Mutex::default() }
    }

    /// A place, for which another may have had to give way; `None` where only known callers are here.
    pub(super) fn enter(self: &Arc<Self>, address: SocketAddr) -> Option<Place> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.open.len() >= self.most {
            let goes = inner.gives_way()?;
            if let Some(guest) = inner.open.remove(&goes) {
                guest.leave.cancel();
            }
        }
        let (number, leave) = (inner.next, CancellationToken::new());
        inner.next += 1;
        let from = Prefix::of(address.ip());
        inner.open.insert(number, Guest { from, standing: Standing::Unproven, leave: leave.clone() });
        Some(Place { crowd: Arc::clone(self), number, leave })
    }
}

impl Inner {
    /// The oldest of the least proven, from where most of them come.
    fn gives_way(&self) -> Option<u64> {
        let lowest = self.open.values().map(|guest| guest.standing).min()?;
        if lowest == Standing::Known {
            return None;
        }
        let alike = || self.open.iter().filter(|(_, guest)| guest.standing == lowest);
        let mut counts = BTreeMap::<Prefix, usize>::new();
        alike().for_each(|(_, guest)| *counts.entry(guest.from).or_default() += 1);
        let most = counts.values().copied().max()?;
        alike().find(|(_, guest)| counts.get(&guest.from) == Some(&most)).map(|(number, _)| *number)
    }
}

impl Place {
    /// Says what has become known of the caller.
    pub(super) fn proven(&self, standing: Standing) {
        let mut inner = self.crowd.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(guest) = inner.open.get_mut(&self.number) {
            guest.standing = standing;
        }
    }

    /// Ends when this caller has to give way.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.crowd.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.open.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(machine: u8, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, machine], port))
    }

    #[test]
    fn one_that_only_connects_gives_way_to_others() {
        let crowd = Arc::new(Crowd::new(8));
        let honest = crowd.enter(from(2, 1)).expect("room");
        let idle: Vec<_> = (0..100).map(|port| crowd.enter(from(1, port)).expect("room")).collect();
        assert!(!honest.leave.is_cancelled(), "the crowd's own machine pays for it");
        let left = idle.iter().filter(|place| !place.leave.is_cancelled()).count();
        assert_eq!(left, 7);
        assert!(idle.last().is_some_and(|place| !place.leave.is_cancelled()), "the oldest went");
    }

    #[test]
    fn the_unproven_go_before_strangers_and_known_callers_stay() {
        let crowd = Arc::new(Crowd::new(3));
        let known = crowd.enter(from(1, 1)).expect("room");
        known.proven(Standing::Known);
        let stranger = crowd.enter(from(1, 2)).expect("room");
        stranger.proven(Standing::Stranger);
        let idle = crowd.enter(from(2, 3)).expect("room");
        let next = crowd.enter(from(3, 4)).expect("the idle one goes");
        assert!(idle.leave.is_cancelled() && !stranger.leave.is_cancelled());
        next.proven(Standing::Known);
        let last = crowd.enter(from(3, 5)).expect("the stranger goes");
        assert!(stranger.leave.is_cancelled() && !known.leave.is_cancelled());
        last.proven(Standing::Known);
        assert!(crowd.enter(from(4, 6)).is_none(), "nobody known gives way");
        drop(known);
        assert!(crowd.enter(from(4, 7)).is_some());
    }

    #[test]
    fn addresses_of_one_household_count_as_one() {
        let v6 = |last: u16| IpAddr::from([0x2001, 0xdb8, 1, 2, 3, 4, 5, last]);
        assert_eq!(Prefix::of(v6(1)), Prefix::of(v6(2)));
        assert_ne!(Prefix::of(v6(1)), Prefix::of(IpAddr::from([0x2001, 0xdb8, 1, 3, 0, 0, 0, 1])));
        assert_eq!(
            Prefix::of(IpAddr::from([10, 0, 0, 1])),
            Prefix::of("::ffff:10.0.0.1".parse().expect("one"))
        );
    }
}
