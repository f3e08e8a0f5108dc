import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import {
  BasicConstraintsExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import type { GrpcTls } from "../../config.ts";

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Signs the certificates of one mesh. */
export interface Authority {
  /** A certificate as a service is given it, good for an IP address. */
  issue(name: string, ip?: string): Promise<GrpcTls>;
}

/** Makes a certificate authority, for tests. */
export async function createAuthority(): Promise<Authority> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const root = await X509CertificateGenerator.createSelfSigned({
    name: "CN=mesh",
    keys,
    signingAlgorithm: algorithm,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    async issue(name, ip = "127.0.0.1") {
      const own = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
      const certificate = await X509CertificateGenerator.create({
        subject: `CN=${name}`,
        issuer: root.subject,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        signingAlgorithm: algorithm,
        extensions: [new SubjectAlternativeNameExtension([{ type: "ip", value: ip }])],
      });
      return { certificate: pem(certificate), key: pemOfKey(own.privateKey), authority: pem(root) };
    },
  };
}

function pem(certificate: X509Certificate): Buffer {
  return Buffer.from(certificate.toString("pem"));
}

function pemOfKey(key: webcrypto.CryptoKey): Buffer {
  return Buffer.from(KeyObject.from(key).export({ type: "pkcs8", format: "pem" }));
}
