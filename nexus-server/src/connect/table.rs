//! [`Table`]: all connections, and the eviction of one when there are too many.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ConnectionLimits;
use super::activity::Activity;
use super::limits::RESERVED_CONNECTIONS;

/// Table of open connections.
#[derive(Debug)]
pub(super) struct Table {
    limits: ConnectionLimits,
    places: Arc<Semaphore>,
    reserve: Arc<Semaphore>,
    entries: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    next: u64,
    open: HashMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    pool: Pool,
    address: IpAddr,
    activity: Arc<Activity>,
}

/// Pool of permits from which a connection takes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    /// Permits up to the limit.
    Usual,
    /// Permits beyond it, for health probes.
    Reserve,
}

/// Admission result of a new connection.
#[derive(Debug)]
pub(super) enum Admission {
    /// It holds a permit.
    Admitted(Place),
    /// Every other connection has a request in flight: this one may only probe health.
    ProbesOnly(Place),
    /// No permit is left.
    Full,
    /// The limit per address is reached.
    AddressFull,
}

/// Permit of a connection, returned on drop.
#[derive(Debug)]
pub(super) struct Place {
    table: Arc<Table>,
    number: u64,
    pub(super) activity: Arc<Activity>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.entries().open.remove(&self.number);
    }
}

impl Table {
    pub(super) fn new(limits: ConnectionLimits) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(limits.connections)),
            reserve: Arc::new(Semaphore::new(RESERVED_CONNECTIONS)),
            entries: Mutex::default(),
            limits,
        })
    }

    pub(super) fn limits(&self) -> &ConnectionLimits {
        &self.limits
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Admits a connection from `address`, and returns the number of connections evicted for it.
    ///
    /// Waits only for the end of an evicted connection.
    pub(super) async fn admit(self: &Arc<Self>, address: IpAddr) -> (Admission, u64) {
        let address = network_of(address);
        let (mut evicted, mut leaving) = (0, None);
        if !self.limits.is_exempt(address) && self.count(address) >= self.limits.connections_per_address {
            leaving = self.evict(|entry| entry.address == address);
            if leaving.is_none() {
                return (Admission::AddressFull, 0);
            }
            evicted = 1;
        }
        for pool in [Pool::Usual, Pool::Reserve] {
            let places = Arc::clone(match pool {
                Pool::Usual => &self.places,
                Pool::Reserve => &self.reserve,
            });
            let mut permit = Arc::clone(&places).try_acquire_owned().ok();
            if permit.is_none() && leaving != Some(pool) {
                leaving = self.evict(|entry| entry.pool == pool);
                evicted += u64::from(leaving.is_some());
            }
            if permit.is_none() && leaving == Some(pool) {
                // The evicted connection returns its permit as soon as its task runs.
                permit = places.acquire_owned().await.ok();
            }
            let Some(permit) = permit else { continue };
            let place = self.enter(pool, address, permit);
            return match pool {
                Pool::Usual => (Admission::Admitted(place), evicted),
                Pool::Reserve => (Admission::ProbesOnly(place), evicted),
            };
        }
        (Admission::Full, evicted)
    }

    fn enter(self: &Arc<Self>, pool: Pool, address: IpAddr, permit: OwnedSemaphorePermit) -> Place {
        let activity = Activity::new();
        let mut entries = self.entries();
        let number = entries.next;
        entries.next += 1;
        entries.open.insert(number, Entry { pool, address, activity: Arc::clone(&activity) });
        Place { table: Arc::clone(self), number, activity, _permit: permit }
    }

    fn count(&self, address: IpAddr) -> usize {
        self.entries().open.values().filter(|entry| entry.address == address).count()
    }

    /// Evicts the connection of the lowest rank, and returns whether there was one.
    pub(super) fn evict_any(&self) -> bool {
        self.evict(|_| true).is_some()
    }

    /// Evicts the connection of `which` with the lowest rank. It leaves the table at once, so that it is not chosen again.
    fn evict(&self, which: impl Fn(&Entry) -> bool) -> Option<Pool> {
        let mut entries = self.entries();
        let candidates = entries.open.iter().filter(|(_, entry)| which(entry));
        let ranked = candidates.filter_map(|(number, entry)| Some((entry.activity.expendable()?, *number)));
        let (_, number) = ranked.min()?;
        let entry = entries.open.remove(&number)?;
        entry.activity.evict();
        Some(entry.pool)
    }
}

/// Returns the address that the limit counts: IPv4 is itself, also when mapped to IPv6; of IPv6 the 64-bit prefix.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if !address.is_loopback() => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64))
        }
        other @ (IpAddr::V4(_) | IpAddr::V6(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(connections: usize, connections_per_address: usize) -> Arc<Table> {
        Table::new(ConnectionLimits { connections, connections_per_address, ..ConnectionLimits::default() })
    }

    async fn admitted(table: &Arc<Table>, address: &str) -> Place {
        let Admission::Admitted(place) = table.admit(address.parse().unwrap()).await.0 else {
            panic!("{address}")
        };
        place
    }

    async fn busy(table: &Arc<Table>, address: &str) -> Place {
        let place = admitted(table, address).await;
        place.activity.request(false);
        place
    }

    /// Admits another connection beside the task that owns `place`, which closes on eviction.
    async fn admit_beside(table: &Arc<Table>, place: Place, address: &str) -> (Admission, u64) {
        let close = async {
            place.activity.evicted().await;
            drop(place);
        };
        tokio::join!(table.admit(address.parse().unwrap()), close).0
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_has_waited_longest_makes_room() {
        let table = table(3, 64);
        let _busy = busy(&table, "127.0.0.1").await;
        let oldest = admitted(&table, "127.0.0.1").await;
        tokio::time::advance(std::time::Duration::from_millis(1)).await;
        let _younger = admitted(&table, "127.0.0.1").await;
        let (admission, evicted) = admit_beside(&table, oldest, "127.0.0.1").await;
        assert!(matches!(admission, Admission::Admitted(_)) && evicted == 1, "{admission:?}");
    }

    #[tokio::test]
    async fn requests_without_their_body_and_clients_that_do_not_read_are_spared_longer_than_silent_ones() {
        let [silent, incomplete, unread, busy] = [0; 4].map(|_| Activity::new());
        incomplete.request(true);
        unread.request(false);
        unread.unread();
        busy.request(false);
        let ranks =
            [silent, incomplete, unread, busy].map(|activity| activity.expendable().map(|rank| rank.0));
        assert_eq!(ranks, [Some(0), Some(1), Some(2), None]);
    }

    #[tokio::test]
    async fn while_all_answer_a_few_may_still_probe_and_the_rest_is_refused() {
        let table = table(2, 64);
        let _answering = [busy(&table, "127.0.0.1").await, busy(&table, "127.0.0.1").await];
        let mut probing = Vec::new();
        for _ in 0..RESERVED_CONNECTIONS {
            let Admission::ProbesOnly(place) = table.admit("127.0.0.1".parse().unwrap()).await.0 else {
                panic!()
            };
            place.activity.request(false);
            probing.push(place);
        }
        assert!(matches!(table.admit("127.0.0.1".parse().unwrap()).await.0, Admission::Full));
        probing.pop();
        assert!(matches!(table.admit("127.0.0.1".parse().unwrap()).await.0, Admission::ProbesOnly(_)));
    }

    #[tokio::test]
    async fn a_silent_connection_of_the_reserve_makes_room_for_a_probe() {
        let table = table(1, 64);
        let _answering = busy(&table, "127.0.0.1").await;
        let mut silent = Vec::new();
        for _ in 0..RESERVED_CONNECTIONS {
            silent.push(table.admit("127.0.0.1".parse().unwrap()).await.0);
        }
        let Admission::ProbesOnly(oldest) = silent.remove(0) else { panic!() };
        let (admission, evicted) = admit_beside(&table, oldest, "127.0.0.1").await;
        assert!(matches!(admission, Admission::ProbesOnly(_)) && evicted == 1, "{admission:?}");
    }

    #[tokio::test]
    async fn one_address_takes_no_more_places_than_its_own() {
        let table = table(100, 2);
        let mut open = Vec::new();
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8::1", "2001:db8::2"] {
            open.push(busy(&table, address).await);
        }
        for full in ["192.0.2.1", "2001:db8::ffff:3"] {
            let (admission, _) = table.admit(full.parse().unwrap()).await;
            assert!(matches!(admission, Admission::AddressFull), "{full}: {admission:?}");
        }
        for other in ["192.0.2.2", "2001:db8:0:1::1", "127.0.0.1", "127.0.0.1", "127.0.0.1"] {
            open.push(busy(&table, other).await);
        }
    }

    #[tokio::test]
    async fn an_address_that_is_full_loses_its_own_silent_connection_first() {
        let table = table(100, 1);
        let silent = admitted(&table, "192.0.2.1").await;
        let (admission, evicted) = admit_beside(&table, silent, "192.0.2.1").await;
        assert!(matches!(admission, Admission::Admitted(_)) && evicted == 1, "{admission:?}");
    }

    #[tokio::test]
    async fn a_place_is_given_back_when_its_connection_ends() {
        let table = table(1, 1);
        for _ in 0..3 {
            drop(busy(&table, "192.0.2.1").await);
        }
    }
}
