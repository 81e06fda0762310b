#include "oci/transports/tarball_source.hh"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "base/unnamed_file.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/manifest_writer.hh"
#include "oci/tar/tar_reader.hh"
#include "oci/transports/archive_input.hh"

namespace osb::oci {
namespace {

constexpr std::int64_t kMaxTime = 253402300799;  // the end of the year 9999

// Hashes and counts the bytes that pass.
class HashingSource final : public Source {
  public:
    explicit HashingSource(Source& inner) noexcept : inner_(inner) {}

    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        const std::size_t n = inner_.read(buffer);
        hasher_.update(ByteView(buffer).first(n));
        count_ += n;
        return n;
    }

    std::uint64_t bytes_read() const noexcept { return count_; }
    Digest digest() { return Digest::from_hex(HashAlgorithm::sha256, hasher_.finish_hex()); }

  private:
    Source& inner_;
    Hasher hasher_;
    std::uint64_t count_ = 0;
};

// Limits the bytes that a compressed archive unpacks to.
class LimitedSource final : public Source {
  public:
    LimitedSource(Source& plain, const HashingSource& stored) noexcept : plain_(plain), stored_(stored) {}

    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = plain_.read(buffer);
        count_ += n;
        check_unpacked_size(count_, stored_.bytes_read());
        return n;
    }

  private:
    Source& plain_;
    const HashingSource& stored_;
    std::uint64_t count_ = 0;
};

// An open file as a layer.
struct Tarball {
    std::shared_ptr<Fd> fd;
    Descriptor layer;
    Digest diff_id;
    std::int64_t time = 0;  // of the newest entry, in seconds since 1970
};

// The content of a file. It shares ownership of the descriptor.
class TarballBytes final : public Source {
  public:
    TarballBytes(std::shared_ptr<Fd> fd, std::uint64_t size, const std::string& name)
        : fd_(std::move(fd)), range_(fd_->get(), 0, size, name) {}

    std::size_t read(MutableBytes buffer) override { return range_.read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return range_.skip(count); }

  private:
    std::shared_ptr<Fd> fd_;
    FileRangeSource range_;
};

Fd copy_to_file(Source& source) {
    Fd out = open_unnamed_file();
    std::vector<std::uint8_t> buffer(256UL * 1024);
    while (const std::size_t n = source.read(buffer)) {
        write_all(out.get(), ByteView(buffer).first(n), "temporary file");
    }
    return out;
}

// Opens a regular file, or copies a pipe to one.
Fd open_tarball(const std::string& file, const std::string& name) {
    Fd input = open_input(file);
    struct stat st {};
    if (::fstat(input.get(), &st) != 0) throw_errno(concat("cannot stat ", quoted(file)));
    if (S_ISDIR(st.st_mode)) {
        throw Error(ErrorKind::invalid, "is a directory, not an archive")
            .hint("use oci: or dir: for an image in a directory");
    }
    if (S_ISREG(st.st_mode)) return input;
    FdSource source(std::move(input), name);
    return copy_to_file(source);
}

// No media type of a layer names xz or bzip2, so such an archive becomes a plain one.
Fd unpack_untyped(const Fd& file, UntypedCompression compression, const std::string& name) {
    FileRangeSource bytes(file.get(), 0, file_size(file.get()), name);
    HashingSource stored(bytes);
    const std::unique_ptr<Source> plain = decompress(stored, compression);
    LimitedSource limited(*plain, stored);
    return copy_to_file(limited);
}

std::string_view layer_type(Compression compression) {
    switch (compression) {
        case Compression::gzip:
            return kMediaTypeLayerGzip;
        case Compression::zstd:
            return kMediaTypeLayerZstd;
        case Compression::none:
            break;
    }
    return kMediaTypeLayer;
}

// Reads all entries. Returns the time of the newest one.
std::int64_t newest_entry(Source& archive) {
    TarReader reader(archive);
    TarEntry entry;
    std::int64_t out = 0;
    std::uint64_t count = 0;
    while (reader.next(entry)) {
        ++count;
        if (entry.time <= kMaxTime) out = std::max(out, entry.time);
    }
    if (count == 0) throw Error(ErrorKind::invalid, "the archive is empty");
    static_cast<void>(reader.drain());
    return out;
}

Tarball read_tarball(const std::string& file) {
    const std::string name = file == "-" ? "standard input" : file;
    return with_context([&name] { return quoted(name); },
                        [&] {
                            auto fd = std::make_shared<Fd>(open_tarball(file, name));
                            const UntypedCompression untyped = file_format(fd->get(), name).untyped;
                            if (untyped != UntypedCompression::none)
                                fd = std::make_shared<Fd>(unpack_untyped(*fd, untyped, name));
                            const Compression compression = file_format(fd->get(), name).compression;
                            FileRangeSource bytes(fd->get(), 0, file_size(fd->get()), name);
                            HashingSource stored(bytes);
                            const std::unique_ptr<Source> decompressed = decompress(stored, compression);
                            LimitedSource limited(*decompressed, stored);
                            HashingSource plain(limited);
                            const std::int64_t time = newest_entry(plain);
                            return Tarball{.fd = std::move(fd),
                                           .layer = {.media_type = std::string(layer_type(compression)),
                                                     .digest = stored.digest(),
                                                     .size = stored.bytes_read(),
                                                     .annotations = {},
                                                     .platform = {},
                                                     .artifact_type = {}},
                                           .diff_id = plain.digest(),
                                           .time = time};
                        });
}

class TarballSource final : public ImageSource {
  public:
    TarballSource(const std::vector<std::string>& files, const Platform& platform) {
        ConfigFields fields;
        fields.platform = platform;
        std::vector<Descriptor> layers;
        std::int64_t time = 0;
        for (const std::string& file : files) {
            Tarball tarball = read_tarball(file);
            fields.diff_ids.push_back(tarball.diff_id);
            fields.history.push_back(
                {.created = tarball.time, .created_by = {}, .comment = "imported from a tar archive"});
            layers.push_back(tarball.layer);
            time = std::max(time, tarball.time);
            const Digest digest = tarball.layer.digest;
            tarballs_.emplace(digest, std::move(tarball));
        }
        fields.created = time;
        config_ = write_config(fields);
        const Descriptor config = describe(kMediaTypeConfig, config_);
        config_digest_ = config.digest;
        manifest_ = write_manifest(config, layers, {});
    }

    Document root() override {
        return {.raw = manifest_, .media_type = std::string(kMediaTypeManifest), .expected = std::nullopt};
    }

    std::unique_ptr<Source> open_blob(const Descriptor& descriptor) override {
        if (descriptor.digest == config_digest_) return std::make_unique<MemorySource>(as_bytes(config_));
        const auto found = tarballs_.find(descriptor.digest);
        if (found == tarballs_.end()) {
            throw Error(ErrorKind::not_found, concat("no blob ", descriptor.digest.to_string()));
        }
        const Tarball& tarball = found->second;
        return std::make_unique<TarballBytes>(tarball.fd, tarball.layer.size, "tarball");
    }

  private:
    std::map<Digest, Tarball> tarballs_;
    std::string config_;
    std::optional<Digest> config_digest_;
    std::string manifest_;
};

}  // namespace

std::shared_ptr<ImageSource> open_tarballs(const std::vector<std::string>& files, const Platform& platform) {
    return std::make_shared<TarballSource>(files, platform);
}

}  // namespace osb::oci
