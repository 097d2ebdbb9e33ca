//! Packets of this machine's network devices as they pass, through libpcap (pcap(3PCAP)), which is looked for when it is needed.
//!
//! The reader never stops for longer than a moment: without packets it says so and can be asked again, so that whoever
//! reads can show what there is, or stop. What the kernel could not keep is counted in [`Facts`]; what is missing in
//! a flow is found by `tcp`, as in a file.

mod batch;
mod error;
mod link;
mod native;

pub use error::OpenError;

use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::options::Options;
use super::{Error, Facts, Format, Interface, Limits, LinkType, Packet, Resolution, Source, Statistics, TimeQuality};
use batch::Batch;
use native::Activation;

/// What to capture.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The device.
    pub device: String,
    /// A filter in the words of pcap-filter(7); empty lets everything pass.
    pub filter: String,
    /// The most octets to keep of a packet.
    pub snaplen: u32,
}

impl Default for Setup {
    /// Everything on the loopback device, whole.
    fn default() -> Self {
        Self { device: LOOPBACK.into(), filter: String::new(), snaplen: 256 << 10 }
    }
}

/// A running capture.
pub struct Live {
    capture: pcap::Capture<pcap::Active>,
    device: String,
    link: LinkType,
    batch: Batch,
    facts: Facts,
    last: pcap::Stat,
    /// Batches since the statistics were read.
    batches: u32,
    stop: Stop,
}

impl Live {
    /// Starts to capture. What passes from the moment this returns is kept by the kernel until it is read.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open(setup: &Setup) -> Result<Self, OpenError> {
        native::library().map_err(|why| OpenError::NoLibrary { why: why.into() })?;
        let device = &setup.device;
        let failed = |error: pcap::Error| OpenError::Device { device: device.clone(), why: error::words(error) };
        let snaplen = i32::try_from(setup.snaplen).unwrap_or(i32::MAX);
        // In batches: one wake-up for each packet loses most of them as soon as there are many.
        let capture = pcap::Capture::from_device(device.as_str())
            .map_err(failed)?
            .immediate_mode(false)
            .timeout(BATCH_MILLISECONDS)
            .buffer_size(KERNEL_OCTETS)
            .precision(pcap::Precision::Nano)
            .snaplen(snaplen);
        let capture = capture.open().map_err(|error| match native::activation() {
            Activation::NotPermitted => OpenError::NotPermitted { device: device.clone() },
            Activation::NoSuchDevice => OpenError::NoSuchDevice { device: device.clone(), known: devices() },
            Activation::Other => failed(error),
        })?;
        if device == LOOPBACK {
            native::ignore_outgoing(capture.as_fd());
        }
        let mut capture = capture.setnonblock().map_err(failed)?;
        if !setup.filter.is_empty() {
            let refused = |error| OpenError::Filter { filter: setup.filter.clone(), why: error::words(error) };
            capture.filter(&setup.filter, true).map_err(refused)?;
        }
        let is_nano = native::has_nanoseconds(&capture);
        let link = link::of_dlt(capture.get_datalink().0);
        Ok(Self {
            batch: Batch::new(is_nano),
            device: device.clone(),
            link,
            facts: facts(setup, link, is_nano),
            last: pcap::Stat { received: 0, dropped: 0, if_dropped: 0 },
            batches: 0,
            stop: Stop::default(),
            capture,
        })
    }

    /// What ends this capture from elsewhere.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Reads what the kernel and the device count. It is read now and then by itself, and when nothing passes.
    pub fn count(&mut self) {
        self.batches = 0;
        let Ok(now) = self.capture.stats() else { return };
        let last = std::mem::replace(&mut self.last, now);
        let delivered = self.facts.packets;
        let Some(interface) = self.facts.interface_mut(0) else { return };
        let statistics = interface.statistics.get_or_insert_default();
        statistics.received = advanced(statistics.received, now.received, last.received);
        statistics.dropped_by_system = advanced(statistics.dropped_by_system, now.dropped, last.dropped);
        statistics.dropped = advanced(statistics.dropped, now.if_dropped, last.if_dropped);
        statistics.delivered = Some(delivered);
    }

    /// Takes what the kernel has, waiting for a moment if that is nothing.
    fn fill(&mut self) -> Result<(), Error> {
        self.batches = self.batches.saturating_add(1);
        if self.batches >= BATCHES_PER_COUNT {
            self.count();
        }
        for waited in [false, true] {
            let taken = self.batch.take(&mut self.capture);
            let taken =
                taken.map_err(|error| Error::Device { device: self.device.clone(), why: error::words(error) })?;
            if taken > 0 {
                return Ok(());
            }
            if !waited {
                native::wait(self.capture.as_fd(), BATCH_MILLISECONDS);
            }
        }
        self.count();
        Err(Error::Read { offset: self.batch.octets(), source: ErrorKind::TimedOut.into() })
    }
}

impl Source for Live {
    /// The next packet; `None` once it was stopped.
    ///
    /// # Errors
    ///
    /// [`Error::Read`] of kind `TimedOut` when nothing has passed for a moment (some 20 ms): ask again. [`Error::Device`] when the device is gone.
    fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        if self.batch.is_used_up() {
            if self.stop.is_stopped() {
                self.count();
                return Ok(None);
            }
            self.fill()?;
        }
        let Some(record) = self.batch.next() else { return Ok(None) };
        self.facts.packets = self.facts.packets.saturating_add(1);
        Ok(Some(Packet {
            number: self.facts.packets,
            time: record.time,
            time_quality: TimeQuality::Captured,
            link: self.link,
            data: record.data,
            original_length: record.original_length,
            interface: 0,
            options: Options::empty(),
        }))
    }

    fn may_block(&self) -> bool {
        self.batch.is_used_up()
    }

    fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Ends a capture, from any thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends it: what has been taken from the kernel is handed out, then there are no more packets.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A sum of what libpcap counts in 32 bits, round and round.
fn advanced(sum: Option<u64>, now: u32, last: u32) -> Option<u64> {
    Some(sum.unwrap_or(0).saturating_add(now.wrapping_sub(last).into()))
}

fn facts(setup: &Setup, link: LinkType, is_nano: bool) -> Facts {
    let mut facts = Facts::new(Format::Live, None, &Limits::default());
    let name = facts.text(setup.device.as_bytes());
    facts.describe_interface(Interface {
        number: 0,
        section: 0,
        link,
        snaplen: setup.snaplen,
        resolution: if is_nano { Resolution::NANOSECONDS } else { Resolution::MICROSECONDS },
        offset_seconds: 0,
        fcs_octets: None,
        name,
        description: None,
        statistics: Some(Statistics::default()),
    });
    facts
}

/// The devices that libpcap knows; none if it does not say.
fn devices() -> Vec<String> {
    pcap::Device::list().unwrap_or_default().into_iter().map(|device| device.name).collect()
}

const LOOPBACK: &str = "lo";
/// How long the kernel collects packets before it hands them over, and how long to wait for them.
const BATCH_MILLISECONDS: i32 = 20;
/// What the kernel may keep until it is read.
const KERNEL_OCTETS: i32 = 32 << 20;
/// Reading the statistics is a system call.
const BATCHES_PER_COUNT: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_where_those_of_libpcap_begin_again() {
        let sum = advanced(advanced(None, u32::MAX, 0), 4, u32::MAX);
        assert_eq!(sum, Some(u64::from(u32::MAX) + 5));
    }
}
