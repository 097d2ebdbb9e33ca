//! A backend of the stage: its server, the relay before it, and what a script does to them.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, spawn_local};

use super::relay::{Record, Relay};
use crate::command::drive::accept::{self, Listen};
use crate::command::drive::clock::Clock;
use crate::command::drive::stop::{self, Stopper};
use crate::endpoint::world::{Backend, Change};
use crate::endpoint::{Peer, Stop};

/// The address that the client knows, kept whether or not somebody listens there.
pub(super) struct Door {
    socket: TcpSocket,
    address: SocketAddrV4,
}

impl Door {
    /// A new address.
    pub(super) fn new() -> io::Result<Self> {
        Self::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0))
    }

    fn bind(address: SocketAddrV4) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::V4(address))?;
        match socket.local_addr()? {
            SocketAddr::V4(address) => Ok(Self { socket, address }),
            SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    pub(super) const fn address(&self) -> SocketAddrV4 {
        self.address
    }
}

type Serve = Rc<RefCell<Box<dyn FnMut() -> Box<dyn Peer>>>>;

pub(super) struct Site {
    record: Rc<Record>,
    clock: Clock,
    address: SocketAddrV4,
    serve: Serve,
    listens: bool,
    /// Whether a relay stands before the server.
    relayed: bool,
    starved: Rc<Cell<bool>>,
    /// The address while nobody listens there.
    door: RefCell<Option<Door>>,
    relay: RefCell<Option<AbortHandle>>,
    stopper: RefCell<Option<Stopper>>,
    /// Of the connections that are there now. Those that come later share another one.
    silent: Rc<RefCell<Rc<Cell<bool>>>>,
}

impl Site {
    pub(super) fn new(backend: Backend, door: Door, relayed: bool, record: Rc<Record>) -> Self {
        Self {
            relayed,
            clock: record.clock(),
            record,
            address: door.address,
            serve: Rc::new(RefCell::new(backend.serve)),
            listens: backend.listens,
            starved: Rc::default(),
            door: RefCell::new(Some(door)),
            relay: RefCell::default(),
            stopper: RefCell::default(),
            silent: Rc::default(),
        }
    }

    /// Listens, if the stage begins so.
    pub(super) async fn begin(&self) -> io::Result<()> {
        if self.listens { self.listen().await } else { Ok(()) }
    }

    async fn listen(&self) -> io::Result<()> {
        let Some(door) = self.door.take() else { return Ok(()) };
        let front = door.socket.listen(BACKLOG)?;
        let listener = if self.relayed {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
            let (server, silent) = (listener.local_addr()?, Rc::clone(&self.silent));
            let relay = spawn_local(relay(front, self.address, server, Rc::clone(&self.record), silent));
            self.relay.replace(Some(relay.abort_handle()));
            listener
        } else {
            front
        };
        let (stopper, stopping) = stop::stopping();
        let serve = Rc::clone(&self.serve);
        let host = move |_: SocketAddr| (serve.borrow_mut())();
        let listener = Starving { listener, starved: Rc::clone(&self.starved), held: None };
        spawn_local(accept::serve(listener, host, stopping, self.clock));
        self.stopper.replace(Some(stopper));
        Ok(())
    }

    /// Listens no more; the address stays reserved.
    async fn refuse(&self) -> io::Result<()> {
        let Some(relay) = self.relay.take() else { return Ok(()) };
        relay.abort();
        // The listener is gone when the task has been told so.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        self.door.replace(Some(Door::bind(self.address)?));
        Ok(())
    }

    async fn stop(&self, how: Stop) -> io::Result<()> {
        self.refuse().await?;
        if let Some(stopper) = &*self.stopper.borrow() {
            stopper.stop(how);
        }
        Ok(())
    }
}

/// Does to the backends what the script says.
pub(super) async fn change(sites: &[Site], change: Change) -> io::Result<()> {
    let site = |n: usize| sites.get(n).ok_or(io::ErrorKind::NotFound);
    match change {
        Change::Listen(n) => site(n)?.listen().await?,
        Change::Refuse(n) => site(n)?.refuse().await?,
        Change::Stop(n, how) => site(n)?.stop(how).await?,
        Change::Silence(n) => site(n)?.silent.replace(Rc::default()).set(true),
        Change::Starve(n) => site(n)?.starved.set(true),
        Change::Feed(n) => site(n)?.starved.set(false),
        Change::Rename(..) => {}
    }
    Ok(())
}

/// Accepts connections for a backend and relays each to its server.
async fn relay(
    front: TcpListener,
    address: SocketAddrV4,
    server: SocketAddr,
    record: Rc<Record>,
    silent: Rc<RefCell<Rc<Cell<bool>>>>,
) {
    loop {
        // What the client cannot have from here it does without; a relay that is out of descriptors waits for some.
        let Ok((client, SocketAddr::V4(from))) = front.accept().await else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let relay = Relay { record: Rc::clone(&record), front: address, silent: Rc::clone(&silent.borrow()) };
        spawn_local(relay.run(client, from, server));
    }
}

/// A listener whose program may be out of descriptors.
struct Starving {
    listener: TcpListener,
    starved: Rc<Cell<bool>>,
    /// A connection that waits to be accepted.
    held: Option<(TcpStream, SocketAddr)>,
}

impl Listen for Starving {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        if self.held.is_none() {
            match self.listener.poll_accept(context) {
                Poll::Ready(Ok(accepted)) => self.held = Some(accepted),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        if self.starved.get() {
            return Poll::Ready(Err(io::Error::other("too many open files")));
        }
        self.held.take().map_or(Poll::Pending, |accepted| Poll::Ready(Ok(accepted)))
    }
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;
