#include "oci/transports/oci_archive_source.hh"

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/transports/archive_index.hh"
#include "oci/transports/layout_source.hh"

namespace osb::oci {
namespace {

class ArchiveFiles final : public LayoutFiles {
  public:
    explicit ArchiveFiles(std::unique_ptr<ArchiveIndex> index) : index_(std::move(index)) {}

    File open(const std::string& path) const override {
        return {.bytes = index_->open(path), .size = index_->size(path)};
    }

  private:
    std::unique_ptr<ArchiveIndex> index_;
};

}  // namespace

std::shared_ptr<ImageSource> open_oci_archive(const std::string& file, const std::string& tag) {
    auto index = std::make_unique<ArchiveIndex>(file);
    if (!index->contains("oci-layout") && index->contains("manifest.json")) {
        throw Error(ErrorKind::invalid, concat(quoted(file), ": not an archive of an image layout"))
            .hint("it looks like an archive of docker save: use docker-archive:");
    }
    return open_layout_files(std::make_unique<ArchiveFiles>(std::move(index)), file, tag);
}

}  // namespace osb::oci
