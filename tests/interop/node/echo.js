// The services of proto/, loaded as they are.
const path = require('node:path');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = { keepCase: true, defaults: true, longs: Number, includeDirs: [path.join(__dirname, '..', '..', '..', 'proto')] };
const { framescope, proto } = grpc.loadPackageDefinition(loader.loadSync(['framescope/echo.proto', 'search.proto'], options));

module.exports = {
  grpc,
  Echo: framescope.Echo,
  Search: proto.SearchService,
  // The message that a call's status is to have.
  words: (code) => `status ${code}: 100 % as asked`,
  // What Search says.
  notHere: 'not here: \u2713 100 %',
};
