#include "ostree/delta/base_object.hh"

#include <sys/stat.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/unnamed_file.hh"
#include "ostree/delta/malformed_delta.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_reserve.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxInMemory = 1024UL * 1024;
constexpr std::size_t kCopyBuffer = 256UL * 1024;

}  // namespace

std::shared_ptr<const BaseObject> BaseObject::load(const Repository& repository, const Sha256& checksum) {
    const ContentObject object = open_object(repository, checksum);
    if (!S_ISREG(object.mode)) fail_delta("a base that is not a file");
    if (object.content == nullptr) return std::make_shared<BaseObject>(std::string());
    if (object.size <= kMaxInMemory)
        return std::make_shared<BaseObject>(read_all(*object.content, kMaxInMemory, to_hex(checksum)));
    Fd file = open_unnamed_file(concat(repository.path(), "/tmp"));
    const RepositoryReserve reserve(repository);
    std::vector<std::uint8_t> buffer(kCopyBuffer);
    while (const std::size_t n = object.content->read(buffer)) {
        reserve.check(n);
        write_all(file.get(), ByteView(buffer).first(n), "the repository's tmp/");
    }
    return std::make_shared<BaseObject>(std::move(file), object.size);
}

void BaseObject::read_at(std::uint64_t offset, MutableBytes buffer) const {
    if (offset > size_ || buffer.size() > size_ - offset) fail_delta("a range outside the base");
    if (!file_) {
        const ByteView bytes = as_bytes(small_).subspan(static_cast<std::size_t>(offset), buffer.size());
        std::copy(bytes.begin(), bytes.end(), buffer.begin());
        return;
    }
    FileRangeSource range(file_.get(), offset, buffer.size(), "the content of a base");
    if (read_full(range, buffer) != buffer.size())
        throw Error(ErrorKind::io, "the content of a base was cut off");
}

}  // namespace osb::ostree
