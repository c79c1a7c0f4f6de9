// TLS in front of Redis' Unix socket, as a cloud provider offers it.
import { connect } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';

/** Self-signed, for 127.0.0.1; used only by tests. */
export const certificate = `-----BEGIN CERTIFICATE-----
MIIBmTCCAT6gAwIBAgIUdmpFvduPt9dhVNBJx2hU7iefvp4wCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNY2FjaGVwb3QgdGVzdDAgFw0yNjExMjYwMDUzMjJaGA8yMTI2
MTEwMjAwNTMyMlowGDEWMBQGA1UEAwwNY2FjaGVwb3QgdGVzdDBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABFZb4hruEjRJVMiPsOwNkp5Bhep2p7uqP/z6X1UIRs2I
aKyS0xrKGYeojGSrfE8Bl1OmcNBefF9Q6uRcDenANGSjZDBiMB0GA1UdDgQWBBQX
RFrCXEtT30cm/2z3SJdtCDI1KDAfBgNVHSMEGDAWgBQXRFrCXEtT30cm/2z3SJdt
CDI1KDAPBgNVHRMBAf8EBTADAQH/MA8GA1UdEQQIMAaHBH8AAAEwCgYIKoZIzj0E
AwIDSQAwRgIhALs34OC/azSSEEv7EwjLldWW+gPI5BXzVyp2mNunvYqkAiEAvjJ+
gyPzV0G1/ehPSOMoTWyorYTTN5g5hpatesqnxkA=
-----END CERTIFICATE-----`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgH+TIyo0D9ite61nE
Bi+YzHiQ3WuoQFNkeoaGRC0BvS6hRANCAARWW+Ia7hI0SVTIj7DsDZKeQYXqdqe7
qj/8+l9VCEbNiGisktMayhmHqIxkq3xPAZdTpnDQXnxfUOrkXA3pwDRk
-----END PRIVATE KEY-----`;

/** Starts a proxy that ends with the test; returns its port on 127.0.0.1. */
export async function newTlsProxy(socketPath: string): Promise<number> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({ cert: certificate, key }, (near) => {
    const far = connect(socketPath);
    sockets.add(near);
    near.on('error', () => far.destroy()).on('close', () => far.destroy());
    far.on('error', () => near.destroy()).on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return address.port;
}
