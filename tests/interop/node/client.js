// grpc-js's client: plays every case of the table against a server of echo.proto; a line for each that holds.
//
// usage: client.js HOST:PORT
const assert = require('node:assert');
const { grpc, Echo, words } = require('./echo');

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
function unary(message, pairs = [], { deadline } = within(10000), method = 'Unary', more = {}) {
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
  const message = { text: 'caf\u00e9', data: Buffer.from([0, 255]), number: 0 };

  assert.deepStrictEqual((await unary(message)).answer, message);
  console.log('unary');

  const found = [];
  for await (const answer of client.ServerStream(message, metadata([['want-messages', '7']]), within(10000))) found.push(answer);
  assert.deepStrictEqual(found, Array.from({ length: 7 }, (_, number) => ({ ...message, number })));
  console.log('server-streaming');

  const answer = await new Promise((done, failed) => {
    const call = client.ClientStream(within(10000), (error, answer) => (error ? failed(error) : done(answer)));
    for (let n = 0; n < 6; n++) call.write({ text: `${n}` });
    call.end();
  });
  assert.deepStrictEqual([answer.text, answer.number], ['5', 6]);
  console.log('client-streaming');

  const call = client.Bidi(within(10000));
  let turn = 0;
  call.write({ text: '0' });
  for await (const answer of call) {
    assert.deepStrictEqual([answer.text, answer.number], [`${turn}`, turn]);
    turn += 1;
    if (turn < 20) call.write({ text: `${turn}` });
    else call.end();
  }
  assert.strictEqual(turn, 20);
  console.log('bidi');

  const sent = [['x-text', 'a b, c'], ['x-some-bin', octets(256, (n) => n)]];
  const { first, last } = await unary(message, sent);
  for (const back of [first, last]) {
    for (const [name, value] of sent) assert.deepStrictEqual(back.get(name), [value]);
  }
  console.log('metadata');

  const text = { text: 'gzip '.repeat(2000), data: Buffer.alloc(0), number: 0 };
  const gzip = new Echo(process.argv[2], grpc.credentials.createInsecure(), { 'grpc.default_compression_algorithm': 2 });
  const inflated = await new Promise((done, failed) =>
    gzip.Unary(text, metadata([['want-gzip', '1']]), within(10000), (error, answer) => (error ? failed(error) : done(answer))));
  assert.deepStrictEqual(inflated, text);
  gzip.close();
  console.log('gzip');

  for (let code = 1; code <= 16; code++) {
    const { error } = await unary(message, [['want-status', `${code}`]]);
    assert.deepStrictEqual([error.code, error.details], [code, words(code)]);
  }
  const { error } = await unary(message, [['want-status', '5'], ['want-details', '1']]);
  assert.ok(error.metadata.get('grpc-status-details-bin')[0].includes('google.rpc.ErrorInfo'));
  client.makeUnaryRequest('/interop.Echo/Nothing', (x) => x, (x) => x, Buffer.alloc(0), (error) => {
    assert.strictEqual(error.code, grpc.status.UNIMPLEMENTED);
  });
  console.log('errors');

  const late = await unary(message, [['want-delay-ms', '30000']], within(200));
  assert.strictEqual(late.error.code, grpc.status.DEADLINE_EXCEEDED);
  console.log('deadline');

  const large = { text: '', data: octets(1 << 20, (n) => n % 256), number: 0 };
  assert.deepStrictEqual((await unary(large, [], within(30000))).answer, large);
  console.log('1 MiB');

  const at_once = Array.from({ length: 100 }, (_, number) =>
    unary({ text: '', data: Buffer.alloc(0), number }, [['want-delay-ms', '20']], within(30000)));
  assert.deepStrictEqual((await Promise.all(at_once)).map(({ answer }) => answer.number), Array.from({ length: 100 }, (_, n) => n));
  console.log('100 at once');
  client.close();
}

cases().catch((error) => {
  console.error(error);
  process.exit(1);
});
