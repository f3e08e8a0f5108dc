import { readFileSync } from "node:fs";
import { type DescService, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ReflectionService } from "@grpc/reflection";

const descriptors = new URL("../../../gen/descriptors.binpb", import.meta.url);

/** Tells gRPC clients what these services look like (grpc.reflection.v1 and v1alpha). */
export function reflectionOf(services: readonly DescService[]): ReflectionService {
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(descriptors));
  const fileDescriptorProtos = file.map((one) => Buffer.from(toBinary(FileDescriptorProtoSchema, one)));
  // Of a package definition of proto-loader, the files are all that it reads.
  const files = { files: { fileDescriptorProtos } } as unknown as ConstructorParameters<typeof ReflectionService>[0];
  return new ReflectionService(files, { services: services.map((one) => one.typeName) });
}
