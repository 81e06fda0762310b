#include "oci/decompress.hh"

#include "base/error.hh"
#include "oci/unzstd.hh"

namespace osb::oci {
namespace {

class PlainSource final : public Source {
  public:
    explicit PlainSource(Source& inner) noexcept : inner_(inner) {}
    std::size_t read(MutableBytes buffer) override { return inner_.read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return inner_.skip(count); }

  private:
    Source& inner_;
};

}  // namespace

std::unique_ptr<Source> decompress(Source& inner, Compression compression) {
    switch (compression) {
        case Compression::none:
            return std::make_unique<PlainSource>(inner);
        case Compression::gzip:
            return gunzip_fast(inner);
        case Compression::zstd:
            return unzstd(inner);
    }
    throw Error(ErrorKind::internal, "unknown compression");
}

}  // namespace osb::oci
