//! The one object store that a plan can reach: the ledger's folder. Nothing can be registered beside it, and there is no
//! `file://`.

use std::sync::Arc;

use datafusion::common::{Result, plan_err};
use datafusion::execution::object_store::{ObjectStoreRegistry, ObjectStoreUrl};
use object_store::ObjectStore;
use url::Url;

/// The address of the ledger's folder inside plans.
pub(super) fn ledger_url() -> ObjectStoreUrl {
    ObjectStoreUrl::parse("dinh-ledger://ledger")
        .expect("a scheme and a host are a store's address")
}

/// A registry that knows the ledger and nothing else.
#[derive(Debug)]
pub(super) struct LedgerOnly {
    store: Arc<dyn ObjectStore>,
}

impl LedgerOnly {
    pub(super) fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store }
    }
}

impl ObjectStoreRegistry for LedgerOnly {
    fn register_store(
        &self,
        _url: &Url,
        _store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        None
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if url == AsRef::<Url>::as_ref(&ledger_url()) {
            return Ok(Arc::clone(&self.store));
        }
        plan_err!("files and addresses cannot be read by SQL: `{url}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_ledger_can_be_reached() {
        let registry = LedgerOnly::new(Arc::new(object_store::memory::InMemory::new()));
        let other: Arc<dyn ObjectStore> = Arc::new(object_store::memory::InMemory::new());
        for address in ["file:///etc/passwd", "s3://bucket/", "dinh-ledger://other/"] {
            let url = Url::parse(address).unwrap();
            assert!(registry.register_store(&url, Arc::clone(&other)).is_none());
            assert!(registry.get_store(&url).is_err(), "{address}");
        }
        assert!(registry.get_store(ledger_url().as_ref()).is_ok());
    }
}
