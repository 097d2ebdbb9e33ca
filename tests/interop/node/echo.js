// echo.proto, loaded as it is.
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const file = path.join(__dirname, '..', 'echo.proto');
const { interop } = grpc.loadPackageDefinition(loader.loadSync(file, { keepCase: true, defaults: true }));

module.exports = { grpc, Echo: interop.Echo, words: (code) => `status ${code}, as was asked: \u2713` };
