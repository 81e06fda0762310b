// Where programs interpret an archive differently, this reader follows Go's archive/tar, which podman, umoci
// and skopeo use: the content of an image must not depend on the program. It rejects an archive if Go
// guesses, or drops what it cannot read, or if another important program reads something else.
#include "oci/tar/tar_reader.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/tar/tar_header.hh"
#include "oci/tar/tar_input.hh"
#include "oci/tar/tar_pax.hh"
#include "oci/tar/tar_sparse.hh"

namespace osb::oci {
namespace {

// The values of a header's type field that POSIX and GNU tar define, except '7' (contiguous files), which Go
// programs reject.
constexpr char kTypeOldFile = '\0';
constexpr char kTypeFile = '0';
constexpr char kTypeHardlink = '1';
constexpr char kTypeSymlink = '2';
constexpr char kTypeCharacterDevice = '3';
constexpr char kTypeBlockDevice = '4';
constexpr char kTypeDirectory = '5';
constexpr char kTypeFifo = '6';
constexpr char kTypePax = 'x';
constexpr char kTypeGlobalPax = 'g';
constexpr char kTypeGnuLongName = 'L';
constexpr char kTypeGnuLongLink = 'K';

// The mode may have the file type in the bits of S_IFMT, which are ignored.
constexpr std::int64_t kMaxMode = 0177777;
constexpr std::uint32_t kModeMask = 07777;
// For chown(2), (uid_t)-1 means "no change", so it is not a valid id.
constexpr std::uint64_t kMaxId = 0xfffffffeU;
constexpr std::int64_t kMaxDevice = 0xffffffffLL;

[[noreturn]] void fail_tar(std::string_view why) {
    throw Error(ErrorKind::invalid, std::string(why));
}

std::uint64_t not_negative(std::int64_t value, std::string_view what) {
    if (value < 0) fail_tar(concat(what, " is negative"));
    return static_cast<std::uint64_t>(value);
}

std::uint32_t checked_id(const std::optional<std::uint64_t>& pax, std::int64_t ustar, std::string_view what) {
    const std::uint64_t id = pax ? *pax : not_negative(ustar, what);
    if (id > kMaxId) fail_tar(concat(what, " is ", id, ", which is not possible"));
    return static_cast<std::uint32_t>(id);
}

std::uint32_t checked_device(std::int64_t number) {
    if (number < 0 || number > kMaxDevice) fail_tar("a device number out of range");
    return static_cast<std::uint32_t>(number);
}

TarType type_of(char type) {
    switch (type) {
        case kTypeOldFile:
        case kTypeFile:
        case kTypeGnuSparse:
            return TarType::file;
        case kTypeHardlink:
            return TarType::hardlink;
        case kTypeSymlink:
            return TarType::symlink;
        case kTypeCharacterDevice:
            return TarType::character_device;
        case kTypeBlockDevice:
            return TarType::block_device;
        case kTypeDirectory:
            return TarType::directory;
        case kTypeFifo:
            return TarType::fifo;
        default:
            throw Error(ErrorKind::unsupported,
                        concat("entries of type ", quoted(std::string_view(&type, 1)), " are not supported"));
    }
}

// The extension headers before an entry.
struct Extensions {
    std::optional<PaxHeader> pax;
    std::optional<std::string> long_name;
    std::optional<std::string> long_link;

    bool any() const noexcept { return pax || long_name || long_link; }
};

}  // namespace

struct TarReader::Impl {
    Impl(Source& source, TarLimits limits_in) : input(source), limits(limits_in) {}

    bool next(TarEntry& entry);
    std::size_t read(MutableBytes buffer);
    std::size_t read_stored(MutableBytes buffer);
    std::uint64_t drain();

    void skip_content();
    void end_archive();
    void read_extension(const TarHeader& header);
    std::string read_extension_text(const TarHeader& header);
    static std::string long_text(std::string bytes);
    void fill_entry(TarBlock block, const TarHeader& header, TarEntry& entry);
    void set_path(const TarHeader& header, TarEntry& entry) const;
    void set_link(const TarHeader& header, TarEntry& entry) const;
    void set_content(TarBlock block, const TarHeader& header, TarEntry& entry);
    void set_sparse_content(TarBlock block, const TarHeader& header);
    void check_path(const std::string& path, std::string_view what) const;
    void check_file_size(std::uint64_t size) const;

    TarInput input;
    TarLimits limits;
    Extensions extensions;
    bool ended = false;
    bool after_sized_link = false;  // the previous entry is a hard link with a size in its header
    bool only_zeros_may_follow = false;
    std::string name;  // of the current entry, for errors

    std::uint64_t header_offset = 0;
    std::uint64_t data_offset = 0;
    std::uint64_t stored_left = 0;  // bytes of the current entry's content that were not read yet
    std::uint64_t padding = 0;      // bytes after the content
    bool is_sparse = false;
    SparseMap sparse;
    std::size_t region = 0;      // index of the next sparse region
    std::uint64_t position = 0;  // in the sparse file
};

bool TarReader::Impl::next(TarEntry& entry) {
    if (ended) return false;
    with_context([this] { return concat("entry ", quoted(name)); }, [this] { skip_content(); });
    extensions = {};
    name.clear();
    for (;;) {
        header_offset = input.position();
        const auto context = [this] {
            return name.empty() ? concat("tar header at offset ", header_offset)
                                : concat("entry ", quoted(name));
        };
        const bool found = with_context(context, [&] {
            if (input.at_end()) {
                if (extensions.any()) fail_tar("an extended header without an entry");
                ended = true;
                return false;
            }
            const TarBlock block = input.take_block();
            if (is_zero_block(block)) {
                end_archive();
                return false;
            }
            const TarHeader header = parse_tar_header(block);
            if (std::exchange(after_sized_link, false) && header.format == TarFormat::v7)
                fail_tar("it may be the content of the hard link before");
            switch (header.type) {
                case kTypePax:
                case kTypeGlobalPax:
                case kTypeGnuLongName:
                case kTypeGnuLongLink:
                    read_extension(header);
                    return false;
                default:
                    fill_entry(block, header, entry);
                    return true;
            }
        });
        if (found || ended) return found;
    }
}

void TarReader::Impl::end_archive() {
    if (extensions.any()) fail_tar("an extended header without an entry");
    if (!input.at_end() && !is_zero_block(input.take_block())) fail_tar("a zero block between two entries");
    only_zeros_may_follow = after_sized_link;
    ended = true;
}

void TarReader::Impl::skip_content() {
    if (stored_left > 0) input.skip(stored_left);
    if (padding > 0) input.skip_padding(static_cast<std::size_t>(padding));
    stored_left = 0;
    padding = 0;
    is_sparse = false;
}

// Programs differ in how they read a second header of the same kind, or a global header between an extended
// header and its entry.
void TarReader::Impl::read_extension(const TarHeader& header) {
    switch (header.type) {
        case kTypePax:
            if (extensions.pax) fail_tar("two pax headers for one entry");
            extensions.pax = parse_pax_header(as_bytes(read_extension_text(header)), limits.max_xattrs);
            break;
        case kTypeGlobalPax:
            // Go leaves it to the caller, which ignores it; GNU tar applies it to all following entries.
            if (extensions.any()) fail_tar("a global pax header between an extended header and its entry");
            if (parse_pax_header(as_bytes(read_extension_text(header)), limits.max_xattrs).changes_entries())
                fail_tar("a global pax header that would change entries");
            break;
        case kTypeGnuLongName:
            if (extensions.long_name) fail_tar("two long names for one entry");
            extensions.long_name = long_text(read_extension_text(header));
            break;
        default:
            if (extensions.long_link) fail_tar("two long link targets for one entry");
            extensions.long_link = long_text(read_extension_text(header));
            break;
    }
}

std::string TarReader::Impl::read_extension_text(const TarHeader& header) {
    const std::uint64_t size = not_negative(header.size, "the size");
    if (size > limits.max_extension)
        throw Error(ErrorKind::too_large, concat("an extended header of ", size,
                                                 " bytes, more than the limit of ", limits.max_extension));
    std::string text(static_cast<std::size_t>(size), '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        auto* const start = reinterpret_cast<std::uint8_t*>(text.data()) + done;
        const std::size_t n = input.read({start, text.size() - done});
        if (n == 0) throw_truncated_tar();
        done += n;
    }
    input.skip_padding(tar_padding(size));
    return text;
}

// GNU tar ends a long name with a NUL, and the length includes it. Other bytes after a NUL are an error.
std::string TarReader::Impl::long_text(std::string bytes) {
    const std::size_t end = std::min(bytes.find('\0'), bytes.size());
    if (bytes.find_first_not_of('\0', end) != std::string::npos) fail_tar("a long name with a NUL");
    if (end == 0) fail_tar("an empty long name");
    bytes.resize(end);
    return bytes;
}

void TarReader::Impl::fill_entry(TarBlock block, const TarHeader& header, TarEntry& entry) {
    set_path(header, entry);
    name = entry.path;
    check_path(entry.path, "the path");
    entry.type = type_of(header.type);
    if (entry.type == TarType::file && entry.path.ends_with('/')) {
        // Old tar programs wrote directories like this, before there was a type for them. With the newer file
        // type it is a file for Go and a directory for others.
        if (header.type != kTypeOldFile) fail_tar("a file whose name ends with a slash");
        entry.type = TarType::directory;
    }
    set_link(header, entry);

    const auto& pax = extensions.pax;
    if (header.mode < 0 || header.mode > kMaxMode) fail_tar("the mode is out of range");
    entry.time = header.time;
    entry.mode = static_cast<std::uint32_t>(header.mode) & kModeMask;
    entry.uid = checked_id(pax ? pax->uid : std::nullopt, header.uid, "the user id");
    entry.gid = checked_id(pax ? pax->gid : std::nullopt, header.gid, "the group id");
    const bool device = entry.type == TarType::character_device || entry.type == TarType::block_device;
    entry.device_major = device ? checked_device(header.device_major) : 0;
    entry.device_minor = device ? checked_device(header.device_minor) : 0;
    entry.xattrs.clear();
    if (pax) entry.xattrs = std::move(extensions.pax->xattrs);
    set_content(block, header, entry);
}

void TarReader::Impl::set_path(const TarHeader& header, TarEntry& entry) const {
    if (extensions.long_name) {
        if (extensions.pax && (extensions.pax->path || extensions.pax->sparse_name))
            fail_tar("a long name in addition to one in a pax header");
        entry.path = *extensions.long_name;
    } else if (extensions.pax && extensions.pax->sparse_name) {
        entry.path = *extensions.pax->sparse_name;
    } else if (extensions.pax && extensions.pax->path) {
        entry.path = *extensions.pax->path;
    } else {
        entry.path.assign(header.prefix);
        if (!header.prefix.empty()) entry.path.push_back('/');
        entry.path.append(header.name);
    }
}

void TarReader::Impl::set_link(const TarHeader& header, TarEntry& entry) const {
    entry.link_target.clear();
    const bool in_pax = extensions.pax && extensions.pax->link_path;
    if (entry.type != TarType::hardlink && entry.type != TarType::symlink) {
        // libarchive would still treat it as a link.
        if (extensions.long_link || in_pax) fail_tar("a link target for something that is not a link");
        return;
    }
    if (extensions.long_link) {
        if (in_pax) fail_tar("a long link target in addition to one in a pax header");
        entry.link_target = *extensions.long_link;
    } else if (in_pax) {
        entry.link_target = *extensions.pax->link_path;
    } else {
        entry.link_target.assign(header.link_name);
    }
    check_path(entry.link_target, "the link target");
}

// Only files have content. For other types, the size in the header is informative; star writes it for hard
// links. Some programs expect content for a size in a pax header, and for a hard link with a pax header.
void TarReader::Impl::set_content(TarBlock block, const TarHeader& header, TarEntry& entry) {
    const auto& pax = extensions.pax;
    std::uint64_t size = not_negative(header.size, "the size");
    if (pax && pax->size) size = *pax->size;
    if (entry.type == TarType::directory && header.type != kTypeDirectory && size > 0)
        fail_tar("a file whose name is that of a directory");
    const bool has_content = entry.type == TarType::file;
    const bool hardlink = entry.type == TarType::hardlink;
    if (!has_content && size > 0 && pax && (pax->size || hardlink))
        fail_tar("content of something that is not a file");
    after_sized_link = hardlink && size > 0;
    stored_left = has_content ? size : 0;
    check_file_size(stored_left);
    padding = tar_padding(stored_left);
    const bool pax_sparse = pax && pax->sparse != PaxSparse::none;
    if (pax_sparse && (entry.type != TarType::file || header.type == kTypeGnuSparse))
        fail_tar("a sparse map for something that is not a plain file");
    is_sparse = pax_sparse || header.type == kTypeGnuSparse;
    if (is_sparse) set_sparse_content(block, header);
    entry.size = is_sparse ? sparse.apparent_size() : stored_left;
    entry.holes = is_sparse ? sparse.apparent_size() - sparse.stored_size() : 0;
    data_offset = input.position();
}

void TarReader::Impl::set_sparse_content(TarBlock block, const TarHeader& header) {
    const auto next_block = [this] { return input.take_block(); };
    const bool old_gnu = header.type == kTypeGnuSparse;
    if (old_gnu && header.format != TarFormat::gnu) fail_tar("an old GNU sparse file without a GNU header");
    const std::uint64_t size = old_gnu ? not_negative(old_gnu_real_size(block), "the size of the sparse file")
                                       : extensions.pax->sparse_size.value_or(0);
    check_file_size(size);
    sparse.begin(size, limits.max_sparse_regions);
    region = 0;
    position = 0;
    if (old_gnu) {
        // take_block() may overwrite the memory of `block`.
        std::array<std::uint8_t, kTarBlock> copy{};
        std::copy(block.begin(), block.end(), copy.begin());
        read_old_gnu_map(copy, next_block, sparse);
    } else if (extensions.pax->sparse == PaxSparse::map_in_header) {
        const auto& map = extensions.pax->sparse_map;
        for (std::size_t i = 0; i + 1 < map.size(); i += 2) sparse.add(map[i], map[i + 1]);
    } else {
        const auto bounded_block = [this] {
            if (stored_left < kTarBlock) fail_tar("the sparse map is longer than the content");
            stored_left -= kTarBlock;
            return input.take_block();
        };
        read_pax_map(bounded_block, sparse);
    }
    if (sparse.stored_size() != stored_left)
        fail_tar(concat("the sparse map describes ", sparse.stored_size(), " stored bytes, and there are ",
                        stored_left));
}

void TarReader::Impl::check_path(const std::string& path, std::string_view what) const {
    if (path.empty()) fail_tar(concat(what, " is empty"));
    if (path.size() > limits.max_path)
        throw Error(ErrorKind::too_large,
                    concat(what, " has ", path.size(), " bytes, more than the limit of ", limits.max_path));
}

void TarReader::Impl::check_file_size(std::uint64_t size) const {
    if (size > limits.max_file_size)
        throw Error(ErrorKind::too_large,
                    concat("a file of ", size, " bytes, more than the limit of ", limits.max_file_size));
}

std::size_t TarReader::Impl::read(MutableBytes buffer) {
    if (!is_sparse) return read_stored(buffer);
    if (position == sparse.apparent_size()) return 0;
    const auto& regions = sparse.regions();
    const bool more = region < regions.size();
    const std::uint64_t hole_end = more ? regions[region].offset : sparse.apparent_size();
    if (position < hole_end) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), hole_end - position));
        std::memset(buffer.data(), 0, n);
        position += n;
        return n;
    }
    const std::uint64_t region_end = regions[region].offset + regions[region].length;
    const std::size_t n = read_stored(buffer.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), region_end - position))));
    position += n;
    if (position == region_end) ++region;
    return n;
}

std::size_t TarReader::Impl::read_stored(MutableBytes buffer) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), stored_left));
    if (want == 0) return 0;
    const std::size_t n = input.read(buffer.first(want));
    if (n == 0) throw_truncated_tar();
    stored_left -= n;
    return n;
}

std::uint64_t TarReader::Impl::drain() {
    std::uint64_t rubbish = 0;
    for (ByteView bytes = input.take_some(); !bytes.empty(); bytes = input.take_some()) {
        // All bytes are equal if the bytes equal themselves shifted by one.
        const bool zeros =
            bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
        if (!zeros && only_zeros_may_follow)
            fail_tar("the data at the end may be the content of the last hard link");
        if (!zeros)
            rubbish += bytes.size() - static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), 0));
    }
    return rubbish;
}

TarReader::TarReader(Source& source, TarLimits limits) : impl_(std::make_unique<Impl>(source, limits)) {}

TarReader::~TarReader() = default;

bool TarReader::next(TarEntry& entry) {
    return impl_->next(entry);
}

std::size_t TarReader::read(MutableBytes buffer) {
    return with_context([this] { return concat("entry ", quoted(impl_->name)); },
                        [&] { return impl_->read(buffer); });
}

std::uint64_t TarReader::drain() {
    return impl_->drain();
}

std::uint64_t TarReader::header_offset() const noexcept {
    return impl_->header_offset;
}

std::uint64_t TarReader::data_offset() const noexcept {
    return impl_->data_offset;
}

bool TarReader::is_sparse() const noexcept {
    return impl_->is_sparse;
}

}  // namespace osb::oci
