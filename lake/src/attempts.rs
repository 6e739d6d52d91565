//! Attempts that were refused: counted by door and reason, logged, and slowed down by address.
//!
//! Each address may fail [`BURST`] times in a row, and once more every [`REFILL`]. Past that its wrong credentials are
//! answered with how long to wait, and its failures are counted but no longer logged one by one.
//!
//! Invariants:
//! - A credential that is right is never refused here, so nobody can lock out an office that shares an address with them: a
//!   token has 258 random bits, and the budget is there to save work and the log, not to save the token.
//! - Memory is fixed: an address finds its budget by a keyed hash, and addresses that meet in one slot share it.
//! - Nothing of a credential is logged; a grant is named by its id, which is safe to print.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tracing::warn;

use crate::caller::{Door, Peer, Refusal};
use crate::clock::Clock;
use crate::metrics::LakeMetrics;

/// How often an address may fail in a row: a script with an old token is seen by its owner long before.
const BURST: i64 = 20;
/// How long it takes for one more.
const REFILL: Duration = Duration::from_secs(3);
/// Budgets: 32 KiB of memory for each of the two kinds.
const SLOTS: usize = 4096;

/// Refused attempts of one lake's doors.
#[derive(Debug)]
pub struct Attempts {
    clock: Clock,
    metrics: LakeMetrics,
    guesses: Budget,
    log: Budget,
}

impl Attempts {
    pub(crate) fn new(clock: Clock, metrics: LakeMetrics) -> Self {
        Self { clock, metrics, guesses: Budget::default(), log: Budget::default() }
    }

    /// Counts and logs a refused attempt; `grant` is the id of the grant that did not do. Says how long the caller must wait
    /// before it is told anything else, if its address has failed too often.
    pub fn refused(
        &self,
        door: Door,
        refusal: Refusal,
        peer: &Peer,
        grant: Option<&str>,
    ) -> Option<Duration> {
        self.metrics.refused(door, refusal);
        let now = self.clock.micros();
        let address = peer.address;
        let wait = address.filter(|_| refusal.is_guess());
        let wait = wait.and_then(|address| self.guesses.take(address, now).err());
        if address.is_none_or(|address| self.log.take(address, now).is_ok()) {
            let address = address.map(tracing::field::display);
            let certificate = peer.certificate.as_deref();
            let (door, reason) = (door.code(), refusal.code());
            warn!(door, reason, address, certificate, grant, "an attempt was refused");
        }
        wait
    }

    /// Whether an address has failed so often that its connections should be taken up slowly.
    #[must_use]
    pub fn is_spent(&self, address: IpAddr) -> bool {
        self.guesses.is_spent(address, self.clock.micros())
    }
}

/// How often addresses may do something. A slot holds the moment, in microseconds, at which its budget is whole again.
#[derive(Debug)]
struct Budget {
    keys: RandomState,
    whole_at: Box<[AtomicI64]>,
}

impl Default for Budget {
    fn default() -> Self {
        let whole_at = std::iter::repeat_with(|| AtomicI64::new(i64::MIN)).take(SLOTS).collect();
        Self { keys: RandomState::new(), whole_at }
    }
}

const fn refill_micros() -> i64 {
    REFILL.as_micros() as i64
}

impl Budget {
    fn slot(&self, address: IpAddr) -> &AtomicI64 {
        let hash = self.keys.hash_one(household(address)) % SLOTS as u64;
        &self.whole_at[usize::try_from(hash).expect("less than the number of slots")]
    }

    /// Takes one; when there is none, says how long until there is.
    fn take(&self, address: IpAddr, now: i64) -> Result<(), Duration> {
        let full = BURST * refill_micros();
        // A clock that was set back must not leave an address without a budget for long.
        let known = |whole_at: i64| whole_at.clamp(now, now.saturating_add(full));
        let over = |whole_at: i64| known(whole_at) + refill_micros() - now - full;
        let spend = |whole_at: i64| {
            let spent = if over(whole_at) > 0 { 0 } else { refill_micros() };
            Some(known(whole_at) + spent)
        };
        let slot = self.slot(address);
        let before = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        match over(before.unwrap_or_else(|whole_at| whole_at)) {
            over @ 1.. => Err(Duration::from_micros(over.unsigned_abs())),
            _ => Ok(()),
        }
    }

    fn is_spent(&self, address: IpAddr, now: i64) -> bool {
        let whole_at = self.slot(address).load(Ordering::Relaxed);
        whole_at.saturating_sub(now) > (BURST - 1) * refill_micros()
    }
}

/// Whom an address stands for: an IPv6 network of 64 bits is one household's.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFICE: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1));

    #[test]
    fn an_address_may_fail_so_often_and_then_once_in_a_while() {
        let budget = Budget::default();
        let taken = |now| (0..100).filter(|_| budget.take(OFFICE, now).is_ok()).count();
        assert!(!budget.is_spent(OFFICE, 0));
        assert_eq!(taken(0), 20);
        assert!(budget.is_spent(OFFICE, 0));
        assert_eq!(budget.take(OFFICE, 0), Err(REFILL));
        assert_eq!(budget.take(OFFICE, 1_000_000), Err(Duration::from_secs(2)));
        assert_eq!(taken(2_999_999), 0);
        assert_eq!(taken(3_000_000), 1);
        assert_eq!(taken(3_000_000 + 10 * 60_000_000), 20);
        // The clock is set back by a day.
        assert_eq!(taken(-86_400_000_000), 0);
        assert_eq!(taken(-86_400_000_000 + 60_000_000), 20);
    }

    #[test]
    fn a_household_shares_a_budget_and_other_addresses_have_their_own() {
        let budget = Budget::default();
        let neighbour: IpAddr = "2001:db8:0:1:ffff::9".parse().unwrap();
        assert_eq!(household(OFFICE), household(neighbour));
        assert_eq!(
            household("::ffff:10.0.0.1".parse().unwrap()),
            "10.0.0.1".parse::<IpAddr>().unwrap()
        );
        while budget.take(OFFICE, 0).is_ok() {}
        let other = (0..=255).map(|last| IpAddr::from([10, 0, 0, last]));
        let free = other.filter(|address| budget.take(*address, 0).is_ok()).count();
        assert!(free > 250, "{free} of 256 addresses have a budget");
    }

    #[test]
    fn only_what_may_be_a_guess_is_slowed_down() {
        let clock = Clock::from_fn(|| chrono::DateTime::UNIX_EPOCH);
        let attempts = Attempts::new(clock, LakeMetrics::default());
        let peer = Peer { address: Some(OFFICE), certificate: None };
        for _ in 0..100 {
            for harmless in [Refusal::CredentialMissing, Refusal::NotGranted] {
                assert_eq!(attempts.refused(Door::Http, harmless, &peer, None), None);
            }
        }
        let guess = || attempts.refused(Door::Grpc, Refusal::CredentialUnknown, &peer, None);
        assert_eq!((0..100).filter(|_| guess().is_none()).count(), 20);
        assert!(attempts.is_spent(OFFICE));
        // A caller within this process has no address and nobody to slow down.
        assert_eq!(
            attempts.refused(Door::Grpc, Refusal::CredentialUnknown, &Peer::default(), None),
            None
        );
    }
}
