//! Nanoseconds a packet, from captured octets to a TCP segment: `cargo bench --bench net`.

use std::hint::black_box;
use std::time::Instant;

use framescope::net::{Net, Outcome};

fn main() {
    let tcp = [&[0x80; 12][..], &[0x80, 0x18, 1, 0, 0, 0, 0, 0], &[1; 12], &[7; 100]].concat();
    let v4 = ip(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 2, 20, &tcp);
    let mut header = vec![0x60, 0, 0, 0, 0, 0, 6, 64];
    header.extend([0x20; 32]);
    let v6 = ip(&header, 4, 0, &tcp);
    let tag = |inner: &[u8]| [&[0, 5, 8, 0], inner].concat();
    let udp = [&[0x12, 0x34, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 1, 0][..], &frame(0x0800, &v4)].concat();
    let outer = ip(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], 2, 20, &udp);
    measure("Ethernet IPv4 TCP", &frame(0x0800, &v4));
    measure("Ethernet IPv6 TCP", &frame(0x86dd, &v6));
    measure("Ethernet VLAN IPv4 TCP", &frame(0x8100, &tag(&v4)));
    measure("VXLAN IPv4 TCP", &frame(0x0800, &outer));
    measure("ARP", &frame(0x0806, &[0; 46]));
}

fn measure(name: &str, packet: &[u8]) {
    let mut net = Net::default();
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        let mut sum = 0_u64;
        for number in 0..ROUNDS {
            let packet = black_box(packet);
            let outcome = net.packet(black_box(1), packet, packet.len() as u32, number, 0);
            if let Outcome::Tcp(segment) = &outcome {
                sum += u64::from(segment.sequence) + segment.payload.len() as u64;
                sum += u64::from(segment.piece().map_or(0, |piece| piece.offset));
            }
            black_box(&outcome);
        }
        black_box(sum);
        best = best.min(start.elapsed().as_nanos() as f64 / ROUNDS as f64);
    }
    println!("{name:24} {best:6.1} ns");
}

const ROUNDS: u64 = 200_000;

fn frame(ether_type: u16, inner: &[u8]) -> Vec<u8> {
    [&[2; 12], &ether_type.to_be_bytes()[..], inner].concat()
}

/// An IP header with the length filled in at `at`, as counted from `base` octets of header.
fn ip(header: &[u8], at: usize, base: usize, inner: &[u8]) -> Vec<u8> {
    let mut packet = [header, inner].concat();
    packet[at..at + 2].copy_from_slice(&((base + inner.len()) as u16).to_be_bytes());
    packet
}
