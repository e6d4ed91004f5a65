// wasi:sockets, for toolchains that import it whether they use it or not: no socket can come to be and no
// name is looked up. Requests go through wasi:http.

import { absentResource } from './absent-resource.ts';
import { ErrResult } from './err-result.ts';

/** wasi:sockets/network: a network nothing is reached over. */
class Network {
  readonly reaches: readonly string[] = [];
}

function denied(): never {
  throw new ErrResult('access-denied');
}

export const sockets: Record<string, object> = {
  'wasi:sockets/instance-network': { instanceNetwork: () => new Network() },
  'wasi:sockets/network': { Network, networkErrorCode: () => undefined },
  'wasi:sockets/tcp': { TcpSocket: absentResource('tcp-socket') },
  'wasi:sockets/tcp-create-socket': { createTcpSocket: denied },
  'wasi:sockets/udp': {
    UdpSocket: absentResource('udp-socket'),
    IncomingDatagramStream: absentResource('incoming-datagram-stream'),
    OutgoingDatagramStream: absentResource('outgoing-datagram-stream'),
  },
  'wasi:sockets/udp-create-socket': { createUdpSocket: denied },
  'wasi:sockets/ip-name-lookup': {
    ResolveAddressStream: absentResource('resolve-address-stream'),
    resolveAddresses: denied,
  },
};
