import { type DescMessage, type DescMethod, type Message, toBinary } from "@bufbuild/protobuf";

const paths = new WeakMap<DescMethod, string>();

/** Where an RPC is found, by gRPC and by Connect: `/giftmesh.wallet.v1.LedgerService/Transfer`. */
export function pathOf(method: DescMethod): string {
  let path = paths.get(method);
  if (path === undefined) {
    path = `/${method.parent.typeName}/${method.name}`;
    paths.set(method, path);
  }
  return path;
}

/** A message in the form that grpc-js takes: a view of the bytes, not a copy. */
export function encode(schema: DescMessage, message: Message): Buffer {
  const { buffer, byteOffset, byteLength } = toBinary(schema, message);
  return Buffer.from(buffer, byteOffset, byteLength);
}
