#include "ostree/delta/apply_delta.hh"

#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/task_pool.hh"
#include "oci/codec/unxz.hh"
#include "ostree/delta/delta_content.hh"
#include "ostree/delta/delta_part.hh"
#include "ostree/delta/malformed_delta.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_reserve.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/directory_objects.hh"
#include "ostree/tree/metadata_objects.hh"
#include "registry/http/spool.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kUnpackBuffer = 256UL * 1024;

// Decompresses a part: the first byte names the compression, 0 for none and 'x' for xz.
void unpack(Source& blob, std::uint64_t size, Sink& to, ImageBudget& budget,
            const RepositoryReserve& reserve) {
    std::uint8_t type = 0;
    if (blob.read({&type, 1}) != 1) fail_delta("an empty part");
    if (type != 0 && type != 'x')
        throw Error(ErrorKind::unsupported, "static delta: a part in an unknown compression");
    std::unique_ptr<Source> xz = type == 'x' ? oci::unxz(blob) : nullptr;
    Source& content = xz ? *xz : blob;
    LayerMeter meter(budget);
    std::vector<std::uint8_t> buffer(kUnpackBuffer);
    while (const std::size_t n = content.read(buffer)) {
        check_interrupt();
        meter.unpacked(n, size);
        reserve.check(n);
        to.write(ByteView(buffer).first(n));
    }
}

// The content of the last object that was used as a base: neighbours often have the same.
class LastBase {
  public:
    explicit LastBase(const Repository& repository) : repository_(repository) {}

    std::shared_ptr<const BaseObject> load(const Sha256& checksum) {
        if (content_ == nullptr || checksum_ != checksum) {
            content_ = BaseObject::load(repository_, checksum);
            checksum_ = checksum;
        }
        return content_;
    }

  private:
    const Repository& repository_;
    Sha256 checksum_{};
    std::shared_ptr<const BaseObject> content_;
};

// An object to store.
struct Wanted {
    Sha256 checksum{};
    DeltaObject object;
};

void store_file(const Wanted& wanted, ByteView payload, LastBase& bases, ObjectWriter& writer,
                TaskPool& pool) {
    const DeltaObject& object = wanted.object;
    const auto load = [&bases](const Sha256& checksum) { return bases.load(checksum); };
    if (S_ISLNK(object.meta.mode)) {
        const std::unique_ptr<Source> content = open_content(object, payload, load);
        const std::string target = read_all(*content, kMaxLinkTarget, "the target of a symbolic link");
        check_link_target(target);
        return writer.write_expected_file(wanted.checksum, object.meta, target, {});
    }
    const std::unique_ptr<Source> content = open_content(object, payload, load);
    if (object.size <= FileStream::kPiece) {
        const std::string bytes = read_all(*content, FileStream::kPiece, "the content of a file");
        // A content of another length has another checksum.
        return writer.write_expected_file(wanted.checksum, object.meta, {}, as_bytes(bytes));
    }
    FileStream stream(writer, pool, object.meta, object.size);
    stream.fill(*content);
    stream.finish_expected(wanted.checksum);
}

// Calls take(target, object) for the objects of a part in their order.
template<typename Take>
void for_each_object(const DeltaPartInfo& part, DeltaPartReader& reader, const Take& take) {
    for (const DeltaTarget& target : part.targets) {
        check_interrupt();
        std::optional<DeltaObject> object = reader.next(target.type);
        if (!object) fail_delta("a part lacks instructions");
        take(target, std::move(*object));
    }
}

}  // namespace

DeltaApplication::DeltaApplication(Repository& repository, const DeltaSuperblock& delta,
                                   const ImageLimits& limits)
    : repository_(repository), delta_(delta), present_(repository), budget_(limits) {}

bool DeltaApplication::needs(std::size_t part) const {
    const std::vector<DeltaTarget>& targets = delta_.parts.at(part).targets;
    return std::any_of(targets.begin(), targets.end(), [this](const DeltaTarget& target) {
        return target.type != ObjectType::commit && !present_.has(target.checksum, target.type);
    });
}

void DeltaApplication::apply(std::size_t part, Source& blob, std::uint64_t size, unsigned threads) {
    const DeltaPartInfo& info = delta_.parts.at(part);
    registry::Spool plain(concat(repository_.path(), "/tmp"));
    unpack(blob, size, plain, budget_, RepositoryReserve(repository_));
    store_directories(info, plain.bytes());
    store_files(info, plain.bytes(), threads);
}

void DeltaApplication::finish(ObjectWriter& writer) {
    writer.publish();
    objects_written_ += writer.objects_written();
    bytes_written_ += writer.bytes_written();
}

void DeltaApplication::store_directories(const DeltaPartInfo& part, ByteView bytes) {
    const auto is_directory = [](const DeltaTarget& target) {
        return target.type == ObjectType::dirtree || target.type == ObjectType::dirmeta;
    };
    if (std::none_of(part.targets.begin(), part.targets.end(), is_directory)) return;
    Transaction transaction(repository_);
    ObjectWriter writer(repository_);
    DeltaPartReader reader(bytes);
    for_each_object(part, reader, [&](const DeltaTarget& target, const DeltaObject& object) {
        if (is_directory(target))
            store_directory_object(writer, target.type, target.checksum, object.metadata);
    });
    finish(writer);
    transaction.commit();
}

const std::set<Sha256>& DeltaApplication::files_of_commit() {
    if (!files_of_commit_) {
        const RootChecksums root = root_of(as_bytes(delta_.commit_object));
        std::set<Sha256> files;
        for (const WalkedFile& file : walk_tree(repository_, root.tree, root.meta).files)
            files.insert(file.checksum);
        files_of_commit_ = std::move(files);
    }
    return *files_of_commit_;
}

void DeltaApplication::store_files(const DeltaPartInfo& part, ByteView bytes, unsigned threads) {
    const auto is_file = [](const DeltaTarget& target) { return target.type == ObjectType::file; };
    if (std::none_of(part.targets.begin(), part.targets.end(), is_file)) return;
    const std::set<Sha256>& files = files_of_commit();
    Transaction transaction(repository_);
    ObjectWriter writer(repository_);
    DeltaPartReader reader(bytes);
    std::vector<Wanted> wanted;
    std::set<Sha256> taken;  // a part may list an object several times
    for_each_object(part, reader, [&](const DeltaTarget& target, DeltaObject object) {
        if (!is_file(target) || writer.is_stored(target.checksum, ObjectType::file)) return;
        if (!files.contains(target.checksum) || !taken.insert(target.checksum).second) return;
        wanted.push_back({target.checksum, std::move(object)});
    });
    TaskPool pool(threads);
    std::atomic<bool> failed{false};
    const std::size_t share = (wanted.size() + pool.threads() - 1) / pool.threads();
    for (std::size_t begin = 0; begin < wanted.size(); begin += share) {
        pool.add_producer([&, begin, end = std::min(begin + share, wanted.size())] {
            try {
                LastBase bases(repository_);
                for (std::size_t i = begin; i < end && !failed; ++i) {
                    check_interrupt();
                    store_file(wanted[i], reader.payload(), bases, writer, pool);
                }
            } catch (...) {
                failed = true;
                throw;
            }
        });
    }
    pool.run();
    finish(writer);
    transaction.commit();
}

}  // namespace osb::ostree
