// An image held in memory, for tests: its layers are tar archives made by TarBuilder.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "oci/transports/image.hh"

namespace osb::test {

struct MemoryLayer {
    std::string tar;  // uncompressed
    oci::Compression compression = oci::Compression::none;
    std::string blob;                                // "": made of `tar`
    std::map<std::string, std::string> annotations;  // of the descriptor
};

struct MemoryImageOptions {
    std::string created = "2024-05-06T07:08:09Z";
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    HashAlgorithm layer_digests = HashAlgorithm::sha256;
    std::string architecture;  // in Go's name; "": this machine's
};

// Counts how often layers are opened, so that a test sees what was read; may be told to damage one.
class MemorySourceOfImage final : public oci::ImageSource {
  public:
    MemorySourceOfImage(const std::vector<MemoryLayer>& layers, const MemoryImageOptions& options);

    oci::Document root() override;
    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override;
    std::unique_ptr<Source> open_range(const oci::Descriptor& descriptor, std::uint64_t offset,
                                       std::uint64_t length) override;

    // The stored bytes of a layer, to be damaged.
    std::string& layer_blob(std::size_t index) { return blobs_.at(layer_digests_.at(index)); }
    std::atomic<unsigned> opened{0};   // layers are opened side by side
    std::atomic<unsigned> ranges{0};   // that were opened
    unsigned good_ranges = 1U << 30U;  // so many; the others have wrong bytes
    unsigned fail_after = 1U << 30U;   // so many ranges, the network is gone

  private:
    std::string add(std::string bytes, HashAlgorithm algorithm);

    std::map<std::string, std::string> blobs_;  // by digest
    std::vector<std::string> layer_digests_;
    std::string manifest_;
};

struct MemoryImage {
    std::shared_ptr<MemorySourceOfImage> source;
    oci::Image image;
};

MemoryImage make_image(const std::vector<MemoryLayer>& layers, const MemoryImageOptions& options = {});

}  // namespace osb::test
