#include "oci/transports/image_sink.hh"

namespace osb::oci {

void put_blob(ImageSink& sink, const Descriptor& descriptor, ByteView bytes) {
    if (sink.has_blob(descriptor)) return;
    const std::unique_ptr<BlobUpload> upload = sink.start_blob(bytes.size());
    upload->write(bytes);
    upload->finish(descriptor.digest);
}

}  // namespace osb::oci
