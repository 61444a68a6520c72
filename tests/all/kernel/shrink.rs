//! The smallest rules and the plainest packet that still disagree.
//! Input: a packet about which simulator and kernel disagree. Output: rules, packet and both answers, in words.

use cgwfw::iptables::packet::Packet;
use cgwfw::iptables::print;
use cgwfw::iptables::ruleset::Ruleset;
use cgwfw::net::Both;
use cgwfw::sentence::packet as sentence;

use crate::kernel::differential::{Lab, Shot, Tally, answers, drop_empty, shots};
use crate::kernel::predict::Oracle;
use crate::kernel::probe::Observation;

/// Takes rules away and makes the packet plainer as long as the two disagree, and puts it into words.
pub fn report(lab: &mut Lab, name: &str, rulesets: &Both<Ruleset>, shot: &Shot) -> Result<String, String> {
    let mut best = (rulesets.clone(), shot.packet.clone());
    let family = shot.packet.family();
    // Halves, quarters, … and at last single rules.
    let tables = best.0[family].tables.len();
    for table in 0..tables {
        let mut size = best.0[family].tables[table].rules.len().max(1);
        while size > 0 {
            let mut at = 0;
            while at < best.0[family].tables[table].rules.len() {
                let mut fewer = best.0.clone();
                let rules = &mut fewer[family].tables[table].rules;
                rules.drain(at..(at + size).min(rules.len()));
                if disagreement(lab, &fewer, &best.1).is_some() {
                    best.0 = fewer;
                } else {
                    at += size;
                }
            }
            size /= 2;
        }
    }
    for plainer in [
        Packet { hop_limit: 64, ..best.1.clone() },
        Packet { mark: 0, ..best.1.clone() },
        Packet { hop_limit: 64, mark: 0, ..best.1.clone() },
    ] {
        if disagreement(lab, &best.0, &plainer).is_some() {
            best.1 = plainer;
        }
    }
    let (rulesets, packet) = best;
    let rules = print::print(&rulesets[family], None);
    let Some((shot, seen)) = disagreement(lab, &rulesets, &packet) else {
        return Ok(format!("{name}: only once: {}", sentence(&packet)));
    };
    Ok(format!("{name}:\n{rules}packet: {}\n{packet:?}\n{}", sentence(&packet), answers(&rulesets, &shot, &seen)))
}

/// The packet under these rules, if the two disagree; a lab that fails says nothing about them.
fn disagreement(lab: &mut Lab, rulesets: &Both<Ruleset>, packet: &Packet) -> Option<(Shot, Observation)> {
    let mut rulesets = rulesets.clone();
    rulesets.iter_mut().for_each(drop_empty);
    lab.load(&rulesets).ok()?;
    let networks = lab.elsewhere.clone();
    let oracle = Oracle::new(&rulesets, lab.backend, &networks);
    let shots = shots(&oracle, &lab.devices, &[(packet.clone(), 40)], &mut Tally::default());
    let seen = lab.agrees(&shots).ok()?.err()?;
    shots.first().map(|shot| (shot.clone(), seen))
}
