//! The contract of Dinh: `dinh/v1/*.proto`, and the code that is generated from it.
//!
//! Read the `.proto` files, not this crate: every message and field is explained there. The generated code and the
//! descriptor set are committed, so that no build needs a protobuf compiler; a test compares them with the `.proto`
//! files. After a change of a `.proto` file write them anew with `cargo test -p dinh-proto -- --ignored`.
//!
//! # Decisions
//! - `bytes` fields are `Bytes`, so that the bulk path is not copied between the socket and the decoder.
//! - `google.rpc.Status` is the type of `tonic-types`, which builds and reads its details.

/// Package `dinh.v1`: services `Ingest` and `Admin`.
#[allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    unused_qualifications,
    reason = "generated"
)]
pub mod v1 {
    include!("generated/dinh.v1.rs");
}

/// The `.proto` files with all that they import, as a serialized `FileDescriptorSet`, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/dinh.v1.binpb");
