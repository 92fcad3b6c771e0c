//! How the program is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        // The unwinder comes along instead of a shared library, which every start would have to load and set up.
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}
