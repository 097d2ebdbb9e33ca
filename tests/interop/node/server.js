// grpc-js's server on a free port of loopback, told on the first line of standard output.
const { grpc, Echo, Search, notHere } = require('./echo');

function begin(call) {
  const asked = (name) => Number(call.metadata.get(name)[0] || 0);
  const back = (prefix) => {
    const found = new grpc.Metadata();
    for (const name of Object.keys(call.metadata.getMap()).filter((name) => name.startsWith(prefix))) {
      for (const value of call.metadata.get(name)) found.add(name, value);
    }
    return found;
  };
  call.sendMetadata(back('echo-header-'));
  const [message] = call.metadata.get('echo-message');
  const work = () => new Promise((done) => setTimeout(done, asked('work-ms')));
  return { asked, message, trailers: back('echo-trailer-'), work };
}

// google.rpc.Status with one ErrorInfo: few enough octets to write them by hand.
function details(code, message) {
  const field = (number, octets) => Buffer.concat([Buffer.from([(number << 3) | 2, octets.length]), octets]);
  const text = (number, value) => field(number, Buffer.from(value));
  const info = Buffer.concat([text(1, 'ASKED'), text(2, 'interop')]);
  const any = Buffer.concat([text(1, 'type.googleapis.com/google.rpc.ErrorInfo'), field(2, info)]);
  return Buffer.concat([Buffer.from([8, code]), text(2, message), field(3, any)]);
}

function failure({ asked, message, trailers }) {
  const code = asked('echo-status');
  return code ? { code, details: message, metadata: trailers } : undefined;
}

async function one(call, callback, answer) {
  const begun = begin(call);
  const message = await answer();
  await begun.work();
  const failed = failure(begun);
  if (failed) callback(failed);
  else callback(null, message, begun.trailers);
}

async function many(call, begun, answers) {
  for await (const message of answers) {
    await begun.work();
    call.write(message);
  }
  finish(call, begun);
}

function finish(call, begun) {
  const failed = failure(begun);
  if (failed) call.emit('error', failed);
  else call.end(begun.trailers);
}

const server = new grpc.Server();
server.addService(Echo.service, {
  Unary: (call, callback) => one(call, callback, async () => call.request),
  ClientStream: (call, callback) =>
    one(call, callback, async () => {
      let last = {};
      for await (last of call);
      return last;
    }),
  ServerStream: (call) => {
    const begun = begin(call);
    many(call, begun, Array.from({ length: begun.asked('echo-count') || 1 }, () => call.request));
  },
  Bidi: (call) => {
    const begun = begin(call);
    let before = Promise.resolve();
    call.on('data', (request) => {
      before = before.then(begun.work).then(() => call.write(request));
    });
    call.on('end', () => before.then(() => finish(call, begun)));
  },
});
server.addService(Search.service, {
  Search: (call, callback) => {
    const metadata = new grpc.Metadata();
    metadata.add('grpc-status-details-bin', details(5, notHere));
    callback({ code: 5, details: notHere, metadata });
  },
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
process.stdin.on('end', () => server.forceShutdown()).resume();
