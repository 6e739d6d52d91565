//! The committed code is what the `.proto` files say.

use std::path::{Path, PathBuf};

use prost::Message as _;

const FILES: [&str; 2] = ["dinh/v1/ingest.proto", "dinh/v1/admin.proto"];

fn crate_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Generates into `folder`: `dinh.v1.rs` and `dinh.v1.binpb`.
fn generate(folder: &Path) {
    let compile = |source_info| {
        protox::Compiler::new([crate_folder()])
            .and_then(|mut compiler| {
                compiler.include_imports(true).include_source_info(source_info);
                compiler.open_files(FILES)?;
                Ok(compiler.file_descriptor_set())
            })
            .unwrap_or_else(|error| panic!("{error:?}"))
    };
    tonic_prost_build::configure()
        .out_dir(folder)
        .bytes(".dinh.v1")
        .btree_map(".dinh.v1")
        .extern_path(".google.rpc", "::tonic_types::pb")
        .emit_rerun_if_changed(false)
        .compile_fds(compile(true))
        .expect("the code can be generated");
    std::fs::write(folder.join("dinh.v1.binpb"), compile(false).encode_to_vec())
        .expect("the descriptor set can be written");
}

#[test]
fn committed_code_is_current() {
    let fresh = tempfile::tempdir().unwrap();
    generate(fresh.path());
    for name in ["dinh.v1.rs", "dinh.v1.binpb"] {
        let wanted = std::fs::read(fresh.path().join(name)).unwrap();
        let committed = std::fs::read(crate_folder().join("src/generated").join(name)).unwrap();
        assert!(
            wanted == committed,
            "`{name}` is not what the .proto files say: run `cargo test -p dinh-proto -- --ignored`"
        );
    }
}

#[test]
#[ignore = "writes src/generated; run it after a change of a .proto file"]
fn write_generated_code() {
    generate(&crate_folder().join("src/generated"));
}

/// Every message, field, enum value and method of the contract has a comment.
#[test]
fn everything_has_a_comment() {
    for file in FILES {
        let text = std::fs::read_to_string(crate_folder().join(file)).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        for (index, line) in lines.iter().enumerate() {
            let declares = line.ends_with('{') || line.ends_with("{}") || line.ends_with(';');
            let exempt = ["syntax", "package", "import", "//"].iter().any(|p| line.starts_with(p));
            let commented = index > 0 && lines[index - 1].starts_with("//");
            assert!(!declares || exempt || commented, "{file}:{}: no comment: `{line}`", index + 1);
        }
    }
}
