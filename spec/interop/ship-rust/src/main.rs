//! The hub of the Rust crate `eebus` on strings: one JSON command per line on standard input, one JSON event per line on
//! standard output. It decides nothing by itself; the end of standard input ends it. Its SPINE engine answers reads.
//!
//! Argument: `{"shipId":TEXT,"cmiMs":N,"helloMs":N,"connections":N}`. Commands, by `do`: `trust` and `close` with `ski`,
//! `remember` (dial, and dial again whenever the link is lost) with `ski` and `port`. Events: `ready`, `connected`,
//! `disconnected`, `failed`, `waiting`.

use eebus::cert::{self, CertParams};
use eebus::model::DeviceType;
use eebus::runtime::{Hub, HubEvent, Node, TrustStore};
use eebus::ship::{ConnectionCloseReason, HandshakeConfig, Ski};
use eebus::spine::{Engine, LocalDevice};
use eebus::tls::ShipTls;
use serde_json::{Value, json};
use std::{error::Error, io::BufRead, net::SocketAddr, sync::mpsc, time::Duration};

/// The hub can't be interrupted, so commands are read whenever it ticks.
const TICK: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options: Value = serde_json::from_str(&std::env::args().nth(1).ok_or("options are missing")?)?;
    let ms = |name: &str| options[name].as_u64().map(Duration::from_millis);
    let ship_id = options["shipId"].as_str().unwrap_or("ship-rust");
    let mut config = HandshakeConfig::default();
    config.cmi_timeout = ms("cmiMs").unwrap_or(config.cmi_timeout);
    config.hello_init = ms("helloMs").unwrap_or(config.hello_init);

    let trust = TrustStore::new();
    let identity = cert::self_signed(CertParams::new(ship_id))?;
    let node = Node::new(ship_id, ShipTls::new(identity), trust.clone()).handshake_config(config);
    let device = LocalDevice::new("i:46925", ship_id, DeviceType::EnergyManagementSystem)?;
    let mut hub = Hub::new(node, Engine::new(device));
    if let Some(limit) = options["connections"].as_u64() {
        hub.set_max_connections(limit as usize);
    }
    let port = hub.listen("127.0.0.1:0").await?.port();
    println!("{}", json!({ "event": "ready", "ski": hub.ski().to_string(), "port": port }));

    let (sender, commands) = mpsc::channel::<Value>();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let command = serde_json::from_str(&line).unwrap_or_else(|_| json!({ "do": line }));
            let _ = sender.send(command);
        }
        std::process::exit(0);
    });
    loop {
        while let Ok(command) = commands.try_recv() {
            obey(&mut hub, &trust, &command)?;
        }
        hub.wake_at(hub.now() + TICK);
        match hub.next().await? {
            HubEvent::Connected { ski, version } => {
                let version = version.map(|it| format!("{it:?}"));
                println!("{}", json!({ "event": "connected", "ski": ski.to_string(), "version": version }));
            }
            HubEvent::Disconnected { ski, reason } => {
                println!("{}", json!({ "event": "disconnected", "ski": ski.to_string(), "why": format!("{reason:?}") }));
            }
            HubEvent::HandshakeFailed { error, .. } => {
                println!("{}", json!({ "event": "failed", "why": error.to_string() }));
            }
            HubEvent::TrustRequested { .. } => println!("{}", json!({ "event": "waiting" })),
            _ => {}
        }
    }
}

fn obey(hub: &mut Hub, trust: &TrustStore, command: &Value) -> Result<(), Box<dyn Error>> {
    let ski: Ski = command["ski"].as_str().ok_or("ski is missing")?.parse()?;
    match command["do"].as_str() {
        Some("trust") => trust.trust(ski),
        Some("close") => drop(hub.close(&ski, ConnectionCloseReason::Unspecific)),
        Some("remember") => {
            let port = command["port"].as_u64().ok_or("port is missing")? as u16;
            hub.remember(ski, SocketAddr::from(([127, 0, 0, 1], port)));
        }
        _ => return Err(format!("unknown command: {command}").into()),
    }
    Ok(())
}
