// grpc-js's client: plays every case against a server of framescope.Echo; a line for each that holds.
//
// usage: client.js HOST:PORT
const assert = require('node:assert');
const { grpc, Echo, words, notHere } = require('./echo');

const options = { 'grpc.max_receive_message_length': 8 << 20, 'grpc.max_send_message_length': 8 << 20 };
const client = new Echo(process.argv[2], grpc.credentials.createInsecure(), options);
const within = (milliseconds) => ({ deadline: Date.now() + milliseconds });
const metadata = (pairs) => {
  const all = new grpc.Metadata();
  for (const [name, value] of pairs) all.add(name, value);
  return all;
};
const octets = (length, value) => Buffer.from(Array.from({ length }, (_, n) => value(n)));

// What becomes of a call with one answer.
function unary(message, pairs = [], { deadline } = within(60000), method = 'Unary', more = {}) {
  return new Promise((done) => {
    const outcome = {};
    const call = client[method](message, metadata(pairs), { deadline, ...more }, (error, answer) => {
      Object.assign(outcome, { error, answer });
    });
    call.on('metadata', (first) => (outcome.first = first));
    call.on('status', (last) => done(Object.assign(outcome, { last: last.metadata })));
  });
}

async function cases() {
  const message = { text: 'caf\u00e9', payload: Buffer.from([0, 255]), number: -7 };

  assert.deepStrictEqual((await unary(message)).answer, message);
  console.log('unary');

  const found = [];
  for await (const answer of client.ServerStream(message, metadata([['echo-count', '7']]), within(60000))) found.push(answer);
  assert.deepStrictEqual(found, Array(7).fill(message));
  console.log('server-streaming');

  const answer = await new Promise((done, failed) => {
    const call = client.ClientStream(within(60000), (error, answer) => (error ? failed(error) : done(answer)));
    for (let n = 0; n < 6; n++) call.write({ number: n });
    call.end();
  });
  assert.strictEqual(answer.number, 5);
  console.log('client-streaming');

  const call = client.Bidi(within(60000));
  let turn = 0;
  call.write({ number: 0 });
  for await (const answer of call) {
    assert.strictEqual(answer.number, turn);
    turn += 1;
    if (turn < 20) call.write({ number: turn });
    else call.end();
  }
  assert.strictEqual(turn, 20);
  console.log('bidi');

  const sent = (where) => [[`echo-${where}-text`, 'a b, c'], [`echo-${where}-bin`, octets(256, (n) => n)]];
  const { first, last } = await unary(message, [...sent('header'), ...sent('trailer')]);
  for (const [where, back] of [['header', first], ['trailer', last]]) {
    for (const [name, value] of sent(where)) assert.deepStrictEqual(back.get(name), [value]);
  }
  console.log('metadata');

  const text = { text: 'gzip '.repeat(2000), payload: Buffer.alloc(0), number: 0 };
  const gzip = new Echo(process.argv[2], grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 });
  const inflated = await new Promise((done, failed) =>
    gzip.Unary(text, metadata([['echo-gzip', '1']]), within(60000), (error, answer) => (error ? failed(error) : done(answer))));
  assert.deepStrictEqual(inflated, text);
  gzip.close();
  console.log('gzip');

  for (let code = 1; code <= 16; code++) {
    const { error } = await unary(message, [['echo-status', `${code}`], ['echo-message', words(code)]]);
    assert.deepStrictEqual([error.code, error.details], [code, words(code)]);
  }
  const other = (path) =>
    new Promise((done) => client.makeUnaryRequest(path, (x) => x, (x) => x, Buffer.alloc(0), new grpc.Metadata(), within(60000), done));
  const error = await other('/proto.SearchService/Search');
  assert.deepStrictEqual([error.code, error.details], [5, notHere]);
  assert.ok(error.metadata.get('grpc-status-details-bin')[0].includes('google.rpc.ErrorInfo'));
  assert.strictEqual((await other('/framescope.Echo/Nothing')).code, grpc.status.UNIMPLEMENTED);
  assert.strictEqual((await other('/no.Such/Method')).code, grpc.status.UNIMPLEMENTED);
  console.log('errors');

  const late = await unary(message, [['work-ms', '30000']], within(200));
  assert.strictEqual(late.error.code, grpc.status.DEADLINE_EXCEEDED);
  console.log('deadline');

  const large = { text: '', payload: octets(1 << 20, (n) => n % 256), number: 0 };
  assert.deepStrictEqual((await unary(large, [], within(60000))).answer, large);
  console.log('1 MiB');

  const at_once = Array.from({ length: 100 }, (_, number) =>
    unary({ text: '', payload: Buffer.alloc(0), number }, [['work-ms', '20']], within(60000)));
  assert.deepStrictEqual((await Promise.all(at_once)).map(({ answer }) => answer.number), Array.from({ length: 100 }, (_, n) => n));
  console.log('100 at once');
  client.close();
}

cases().catch((error) => {
  console.error(error);
  process.exit(1);
});
