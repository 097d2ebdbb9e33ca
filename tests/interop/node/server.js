// grpc-js's server: echo.proto on a free port of loopback, told on the first line of standard output.
const { grpc, Echo, words } = require('./echo');

function begin(call) {
  const asked = (name) => Number(call.metadata.get(name)[0] || 0);
  const back = new grpc.Metadata();
  for (const name of Object.keys(call.metadata.getMap()).filter((name) => name.startsWith('x-'))) {
    for (const value of call.metadata.get(name)) back.add(name, value);
  }
  if (asked('want-gzip')) back.add('grpc-internal-encoding-request', 'gzip');
  call.sendMetadata(back);
  return { asked, back, work: () => new Promise((done) => setTimeout(done, asked('want-delay-ms'))) };
}

// google.rpc.Status with one ErrorInfo: few enough octets to write them by hand.
function details(code, message) {
  const field = (number, octets) => Buffer.concat([Buffer.from([(number << 3) | 2, octets.length]), octets]);
  const text = (number, value) => field(number, Buffer.from(value));
  const info = Buffer.concat([text(1, 'ASKED'), text(2, 'interop')]);
  const any = Buffer.concat([text(1, 'type.googleapis.com/google.rpc.ErrorInfo'), field(2, info)]);
  return Buffer.concat([Buffer.from([8, code]), text(2, message), field(3, any)]);
}

function failure({ asked, back }) {
  const code = asked('want-status');
  if (!code) return undefined;
  const metadata = back.clone();
  if (asked('want-details')) metadata.add('grpc-status-details-bin', details(code, words(code)));
  return { code, details: words(code), metadata };
}

async function one(call, callback, answer) {
  const begun = begin(call);
  const message = await answer();
  await begun.work();
  const failed = failure(begun);
  if (failed) callback(failed);
  else callback(null, message, begun.back);
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
  else call.end(begun.back);
}

const server = new grpc.Server();
server.addService(Echo.service, {
  Unary: (call, callback) => one(call, callback, async () => call.request),
  ClientStream: (call, callback) =>
    one(call, callback, async () => {
      let last = {}, number = 0;
      for await (last of call) number += 1;
      return { ...last, number };
    }),
  ServerStream: (call) => {
    const begun = begin(call);
    const count = begun.asked('want-messages') || 1;
    many(call, begun, Array.from({ length: count }, (_, number) => ({ ...call.request, number })));
  },
  Bidi: (call) => {
    const begun = begin(call);
    let number = 0;
    let before = Promise.resolve();
    call.on('data', (request) => {
      before = before.then(begun.work).then(() => call.write({ ...request, number: number++ }));
    });
    call.on('end', () => before.then(() => finish(call, begun)));
  },
});
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening on 127.0.0.1:${port}`);
});
process.stdin.on('end', () => server.forceShutdown()).resume();
