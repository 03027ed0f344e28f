//! Makes `target/site`, the files that the server sends besides pages. `wasm-bindgen` is linked as a library, so that a
//! new machine needs only cargo, and its version is the same as that of the crate.

use std::{
    env,
    fmt::Write as _,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::UNIX_EPOCH,
};

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    css, js,
    package::{self, Packed},
};

const NAME: &str = "ledgerscope";
const TARGET: &str = "wasm32-unknown-unknown";
const PROFILE: &str = "browser";

/// The paths of inputs and outputs.
struct Places {
    root: PathBuf,
    wasm: PathBuf,
    site: PathBuf,
}

impl Places {
    fn find() -> Result<Self> {
        let manifest = env::var_os("CARGO_MANIFEST_DIR").context("run me as `cargo xtask`")?;
        let root = Path::new(&manifest)
            .parent()
            .context("xtask has no parent directory")?
            .to_path_buf();
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
        Ok(Self {
            wasm: target.join(TARGET).join(PROFILE).join(format!("{NAME}.wasm")),
            site: root.join("target/site"),
            root,
        })
    }
}

/// Builds and packs everything, unless no input has changed.
pub fn bundle() -> Result<()> {
    let places = Places::find()?;
    compile(&places)?;
    let stamp_path = places.site.join(".stamp");
    let stamp = stamp(&places)?;
    if fs::read_to_string(&stamp_path).is_ok_and(|last| last == stamp) {
        return Ok(());
    }
    // The site is made in a temporary directory and then renamed, so that a failure leaves the last site.
    let parent = places.site.parent().context("the site has no parent directory")?;
    // The directory may not exist if cargo builds elsewhere (CARGO_TARGET_DIR).
    fs::create_dir_all(parent)?;
    let fresh = tempfile::Builder::new()
        .prefix("site-")
        .permissions(Permissions::from_mode(0o755))
        .tempdir_in(parent)?;
    pack(&places, fresh.path())?;
    fs::write(fresh.path().join(".stamp"), stamp)?;
    if places.site.exists() {
        fs::remove_dir_all(&places.site).with_context(|| format!("removing {}", places.site.display()))?;
    }
    fs::rename(fresh.keep(), &places.site).with_context(|| format!("moving {} into place", places.site.display()))
}

/// Builds the browser part of the crate with cargo.
fn compile(places: &Places) -> Result<()> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(&places.root)
        .args(["build", "--lib", "--no-default-features", "--features", "browser"])
        .args(["--target", TARGET, "--profile", PROFILE])
        .status()
        .context("starting cargo")?;
    ensure!(status.success(), "the browser part does not compile");
    Ok(())
}

/// The path, size and modification time of every input. If the stamp is unchanged, there is nothing to do.
fn stamp(places: &Places) -> Result<String> {
    let mut inputs = vec![places.wasm.clone(), env::current_exe()?];
    for directory in ["style", "public"] {
        inputs.extend(files_under(&places.root.join(directory))?);
    }
    let mut stamp = String::new();
    for path in inputs {
        let meta = fs::metadata(&path).with_context(|| format!("reading {}", path.display()))?;
        let time = meta.modified()?.duration_since(UNIX_EPOCH)?.as_nanos();
        writeln!(stamp, "{} {} {time}", path.display(), meta.len())?;
    }
    Ok(stamp)
}

/// Fills the directory `site`.
fn pack(places: &Places, site: &Path) -> Result<()> {
    let pkg = site.join("pkg");
    fs::create_dir_all(&pkg)?;
    let (glue, wasm) = bind(places, &pkg)?;
    let css = css::join(&places.root.join("style/main.css"))?;

    let mut names = serde_json::Map::new();
    for (extension, content) in [("css", css.into_bytes()), ("js", glue), ("wasm", wasm)] {
        let name = package::hashed_name(NAME, extension, &content);
        report(&name, &package::write(&pkg.join(&name), &content)?);
        names.insert(extension.to_owned(), name.into());
    }
    fs::write(site.join("assets.json"), serde_json::to_vec_pretty(&names)?)?;

    let public = places.root.join("public");
    for path in files_under(&public)? {
        let to = site.join(path.strip_prefix(&public)?);
        fs::create_dir_all(to.parent().unwrap_or(site))?;
        if path.extension().is_some_and(|extension| extension == "js") {
            package::write(&to, js::without_comments(&fs::read_to_string(&path)?).as_bytes())?;
        } else {
            package::write(&to, &fs::read(&path)?)?;
        }
    }
    Ok(())
}

/// Runs wasm-bindgen. Returns the JavaScript and the WebAssembly. Snippets of crates, if any, stay in `pkg` under names
/// that contain a hash.
fn bind(places: &Places, pkg: &Path) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut output = Bindgen::new()
        .input_path(&places.wasm)
        .out_name(NAME)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen")?;
    output.emit(pkg)?;
    let wasm_path = pkg.join(format!("{NAME}_bg.wasm"));
    optimise(&wasm_path)?;
    let js_path = pkg.join(format!("{NAME}.js"));
    let (js, wasm) = (fs::read(&js_path)?, fs::read(&wasm_path)?);
    fs::remove_file(js_path)?;
    fs::remove_file(wasm_path)?;
    Ok((js, wasm))
}

/// Optimises the size with binaryen's wasm-opt, if it is installed.
fn optimise(wasm: &Path) -> Result<()> {
    let run = Command::new("wasm-opt")
        .args(["-Oz", "--all-features", "-o"])
        .args([wasm, wasm])
        .status();
    match run {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => bail!("wasm-opt failed; it is optional: take it off PATH to go on without it"),
        Err(_) => Ok(()),
    }
}

/// Every file below `directory`, in a fixed order.
fn files_under(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries = fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_under(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn report(name: &str, packed: &Packed) {
    let Packed { raw, gzip, brotli } = packed;
    eprintln!("{name:44} {raw:>9} bytes, gzip {gzip:>8}, brotli {brotli:>8}");
}
