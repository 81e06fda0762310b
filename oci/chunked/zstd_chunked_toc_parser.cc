// Event-based parser for the JSON of a table of contents. A tree of values would need ten times its size.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_set>
#include <utility>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "base/stream.hh"
#include "oci/chunked/toc_visitor.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_text.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kMaxDepth = 32;    // of skipped members
constexpr std::size_t kMaxXattrs = 256;  // as TarLimits
constexpr std::size_t kMaxPath = 4096;   // as TarLimits
constexpr std::uint64_t kMaxNumber = INT64_MAX;

[[noreturn]] void fail_toc(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("table of contents: ", why));
}

// The raw members of an element of `entries`.
struct RawEntry {
    std::map<std::string, std::string> texts;
    std::map<std::string, std::uint64_t> numbers;
    std::map<std::string, std::string> xattrs;

    std::string text(const char* key) const {
        const auto found = texts.find(key);
        return found == texts.end() ? std::string() : found->second;
    }
    std::uint64_t number(const char* key) const {
        const auto found = numbers.find(key);
        return found == numbers.end() ? 0 : found->second;
    }
};

bool is_text_key(const std::string& key) {
    static const std::set<std::string> kKeys{"type",   "name",        "linkName",
                                             "digest", "chunkDigest", "chunkType"};
    return kKeys.contains(key);
}

bool is_number_key(const std::string& key) {
    static const std::set<std::string> kKeys{"mode",     "size",   "uid",       "gid",       "devMajor",
                                             "devMinor", "offset", "endOffset", "chunkSize", "chunkOffset"};
    return kKeys.contains(key);
}

std::optional<Sha256> parse_digest(const std::string& text) {
    if (text.empty()) return std::nullopt;
    constexpr std::string_view kPrefix = "sha256:";
    if (!text.starts_with(kPrefix)) fail_toc(concat("digest ", quoted(text), " is not a sha256"));
    return parse_sha256(std::string_view(text).substr(kPrefix.size()));
}

std::uint32_t narrow(std::uint64_t value, std::uint32_t limit, std::string_view what) {
    if (value > limit) fail_toc(concat(what, ' ', value, " is larger than ", limit));
    return static_cast<std::uint32_t>(value);
}

std::optional<TarType> parse_type(const std::string& name) {
    static const std::map<std::string, TarType> kTypes{
        {"reg", TarType::file},      {"hardlink", TarType::hardlink},     {"symlink", TarType::symlink},
        {"dir", TarType::directory}, {"char", TarType::character_device}, {"block", TarType::block_device},
        {"fifo", TarType::fifo}};
    const auto found = kTypes.find(name);
    return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

// Builds entries from the raw members, and checks each entry after its last chunk.
class Assembler {
  public:
    // visit: takes each complete entry; without it, finish() returns them all.
    Assembler(std::uint64_t payload_end, std::function<void(TocEntry)> visit)
        : payload_end_(payload_end), visit_(std::move(visit)) {}

    void add(RawEntry raw) {
        if (++count_ > kMaxTocEntries) {
            throw Error(ErrorKind::too_large,
                        concat("table of contents: more than ", kMaxTocEntries, " entries"));
        }
        const std::string name = raw.text("name");
        if (name.empty() || name.size() > kMaxPath || name.find('\0') != std::string::npos)
            fail_toc(concat("entry ", count_, ": bad name ", quoted(name)));
        with_context([&name] { return quoted(name); }, [&] { add_named(raw, name); });
    }

    std::vector<TocEntry> finish() {
        end_file();
        hand_over();
        return std::move(entries_);
    }

  private:
    void add_named(const RawEntry& raw, const std::string& name) {
        if (raw.text("type") == "chunk") {
            add_chunk(raw, name);
            return;
        }
        end_file();
        hand_over();
        const auto type = parse_type(raw.text("type"));
        if (!type) fail_toc(concat("unknown type ", quoted(raw.text("type"))));
        if (!paths_.insert(name).second) fail_toc("the path appears twice");
        TocEntry entry;
        entry.tar.type = *type;
        entry.tar.path = name;
        entry.tar.link_target = raw.text("linkName");
        entry.tar.mode = narrow(raw.number("mode") & 07777U, 07777, "mode");
        entry.tar.uid = narrow(raw.number("uid"), 0xFFFFFFFE, "uid");
        entry.tar.gid = narrow(raw.number("gid"), 0xFFFFFFFE, "gid");
        entry.tar.device_major = narrow(raw.number("devMajor"), 0xFFFFFFFF, "device");
        entry.tar.device_minor = narrow(raw.number("devMinor"), 0xFFFFFFFF, "device");
        entry.tar.xattrs.assign(raw.xattrs.begin(), raw.xattrs.end());
        const bool is_link = *type == TarType::hardlink || *type == TarType::symlink;
        if (is_link == entry.tar.link_target.empty())
            fail_toc("a link needs a target, and only a link may have one");
        if (entry.tar.link_target.size() > kMaxPath || entry.tar.link_target.find('\0') != std::string::npos)
            fail_toc("bad target");
        entries_.push_back(std::move(entry));
        begin_file(raw);
    }

    void hand_over() {
        if (!visit_ || entries_.empty()) return;
        visit_(std::move(entries_.back()));
        entries_.clear();
    }

    void begin_file(const RawEntry& raw) {
        TocEntry& entry = entries_.back();
        const std::uint64_t size = raw.number("size");
        // Old writers set the size of the link's target.
        if (entry.tar.type != TarType::file || size == 0) return;
        entry.tar.size = size;
        entry.digest = parse_digest(raw.text("digest"));
        if (!entry.digest) fail_toc("a file without a digest");
        end_offset_ = raw.number("endOffset");
        open_ = true;
        push_chunk(raw, raw.number("chunkSize") == 0 ? size : raw.number("chunkSize"));
    }

    void add_chunk(const RawEntry& raw, const std::string& name) {
        if (!open_ || entries_.back().tar.path != name) fail_toc("a chunk that does not follow its file");
        push_chunk(raw, raw.number("chunkSize"));
    }

    void push_chunk(const RawEntry& raw, std::uint64_t size) {
        TocEntry& entry = entries_.back();
        TocChunk chunk{.offset = raw.number("offset"),
                       .end_offset = 0,
                       .content_offset = raw.number("chunkOffset"),
                       .size = size,
                       .digest = parse_digest(raw.text("chunkDigest")),
                       .zeros = raw.text("chunkType") == "zeros"};
        if (!raw.text("chunkType").empty() && !chunk.zeros)
            fail_toc(concat("unknown type of chunk ", quoted(raw.text("chunkType"))));
        const std::uint64_t expected = entry.chunks.empty() ? 0 : content_end(entry.chunks.back());
        if (chunk.content_offset != expected || chunk.size == 0 || chunk.size > entry.tar.size - expected)
            fail_toc(
                concat("chunk of ", chunk.size, " bytes at ", chunk.content_offset, " of ", entry.tar.size));
        if (!entry.chunks.empty()) entry.chunks.back().end_offset = chunk.offset;
        entry.chunks.push_back(chunk);
    }

    static std::uint64_t content_end(const TocChunk& chunk) { return chunk.content_offset + chunk.size; }

    void end_file() {
        if (!std::exchange(open_, false)) return;
        TocEntry& entry = entries_.back();
        entry.chunks.back().end_offset = end_offset_;
        if (content_end(entry.chunks.back()) != entry.tar.size)
            fail_toc(concat(quoted(entry.tar.path), ": the chunks do not cover the file"));
        for (const TocChunk& chunk : entry.chunks) {
            if (chunk.offset >= chunk.end_offset || chunk.end_offset > payload_end_) {
                fail_toc(concat(quoted(entry.tar.path), ": bytes ", chunk.offset, " to ", chunk.end_offset,
                                " are not in the blob"));
            }
            if (entry.chunks.size() > 1 && !chunk.digest)
                fail_toc(concat(quoted(entry.tar.path), ": chunk without a digest"));
        }
    }

    std::uint64_t payload_end_;
    std::function<void(TocEntry)> visit_;
    std::size_t count_ = 0;
    bool open_ = false;  // the last entry is a file, and chunks may follow
    std::uint64_t end_offset_ = 0;
    std::vector<TocEntry> entries_;
    std::unordered_set<std::string> paths_;
};

// The position of an event in the document.
enum class Place { before, document, entries, entry, xattrs, after };

class Handler final : public nlohmann::json_sax<Json> {
  public:
    explicit Handler(std::uint64_t payload_end, std::function<void(TocEntry)> visit = {})
        : assembler_(payload_end, std::move(visit)) {}

    Toc take() {
        if (place_ != Place::after) fail_toc("not an object");
        if (version_ != 1) fail_toc(concat("version ", version_, ", expected 1"));
        if (!seen_entries_) fail_toc("'entries' is missing");
        return {.entries = assembler_.finish(), .tar_split_digest = tar_split_digest_};
    }

    bool null() override { return skipping() || value_is_null(); }
    bool boolean(bool /*value*/) override { return other_value(); }
    bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return other_value(); }
    bool binary(binary_t& /*value*/) override { return false; }
    bool number_integer(number_integer_t /*value*/) override { return other_value(); }

    bool number_unsigned(number_unsigned_t value) override {
        if (skipping()) return true;
        if (place_ == Place::document && key_ == "version") {
            version_ = value;
        } else if (place_ == Place::entry && is_number_key(key_)) {
            if (value > kMaxNumber) fail_toc(concat('\'', key_, "' is larger than 2^63-1"));
            raw_.numbers.emplace(key_, value);
        } else {
            return other_value();
        }
        return true;
    }

    bool string(string_t& value) override {
        if (skipping()) return true;
        if (place_ == Place::document && key_ == "tarSplitDigest") {
            tar_split_digest_ = parse_digest(value);
        } else if (place_ == Place::entry && is_text_key(key_)) {
            raw_.texts.emplace(key_, std::move(value));
        } else if (place_ == Place::xattrs) {
            auto decoded = decode_base64(value);
            if (!decoded) fail_toc("value of an extended attribute is not base64");
            if (raw_.xattrs.size() >= kMaxXattrs) fail_toc("too many extended attributes");
            raw_.xattrs.emplace(key_, std::move(*decoded));
        } else {
            return other_value();
        }
        return true;
    }

    bool start_object(std::size_t /*elements*/) override {
        if (skipping()) return skip();
        if (place_ == Place::before) {
            place_ = Place::document;
            keys_.clear();
        } else if (place_ == Place::entries) {
            place_ = Place::entry;
            raw_ = {};
            entry_keys_.clear();
        } else if (place_ == Place::entry && key_ == "xattrs") {
            place_ = Place::xattrs;
        } else {
            return begin_other();
        }
        return true;
    }

    bool end_object() override {
        if (skipping()) return leave();
        if (place_ == Place::xattrs) {
            place_ = Place::entry;
        } else if (place_ == Place::entry) {
            place_ = Place::entries;
            assembler_.add(std::exchange(raw_, {}));
        } else {
            place_ = Place::after;
        }
        return true;
    }

    bool start_array(std::size_t /*elements*/) override {
        if (skipping()) return skip();
        if (place_ == Place::document && key_ == "entries") {
            place_ = Place::entries;
            seen_entries_ = true;
            return true;
        }
        return begin_other();
    }

    bool end_array() override {
        if (skipping()) return leave();
        place_ = Place::document;
        return true;
    }

    bool key(string_t& name) override {
        if (skipping()) return true;
        bool fresh = true;
        if (place_ == Place::document) fresh = keys_.insert(name).second;
        if (place_ == Place::entry) fresh = entry_keys_.insert(name).second;
        if (place_ == Place::xattrs) fresh = !raw_.xattrs.contains(name);
        if (!fresh) fail_toc(concat("key ", quoted(name), " appears twice in an object"));
        if (keys_.size() + entry_keys_.size() > kMaxKeys) fail_toc("too many keys in an object");
        key_ = std::move(name);
        return true;
    }

    bool parse_error(std::size_t position, const std::string& /*token*/,
                     const nlohmann::detail::exception& /*error*/) override {
        fail_toc(concat("not valid JSON (at byte ", position, ')'));
    }

  private:
    static constexpr std::size_t kMaxKeys = 128;

    bool skipping() const noexcept { return skipped_ > 0; }
    bool skip() {
        if (++skipped_ > kMaxDepth) fail_toc(concat("nested more than ", kMaxDepth, " deep"));
        return true;
    }
    bool leave() {
        --skipped_;
        return true;
    }

    // Skips an unknown member; a known member has the wrong type.
    bool is_known_key() const {
        if (place_ == Place::document)
            return key_ == "version" || key_ == "entries" || key_ == "tarSplitDigest";
        if (place_ == Place::entry) return is_text_key(key_) || is_number_key(key_) || key_ == "xattrs";
        return true;
    }
    void check_unknown() const {
        if (is_known_key())
            fail_toc(place_ == Place::entry ? concat('\'', key_, "' has the wrong type")
                                            : "wrong type of a value");
    }
    bool other_value() {
        if (!skipping()) check_unknown();
        return true;
    }
    bool value_is_null() {
        if (place_ == Place::before || place_ == Place::entries) fail_toc("wrong type of a value");
        return true;
    }
    bool begin_other() {
        check_unknown();
        return skip();
    }

    Assembler assembler_;
    Place place_ = Place::before;
    std::size_t skipped_ = 0;  // depth inside a skipped member
    std::string key_;
    std::set<std::string> keys_;
    std::set<std::string> entry_keys_;
    RawEntry raw_;
    std::uint64_t version_ = 0;
    bool seen_entries_ = false;
    std::optional<Sha256> tar_split_digest_;
};

// Returns the JSON of a table with the right digest.
std::string unpack_toc(ByteView compressed, const TocLocation& location) {
    if (compressed.size() != location.toc.size || sha256(compressed) != location.toc_digest) {
        throw Error(ErrorKind::digest_mismatch, concat("zstd:chunked: the table of contents is not sha256:",
                                                       to_hex(location.toc_digest)));
    }
    MemorySource source(compressed);
    const auto plain = decompress(source, Compression::zstd);
    const auto limit = static_cast<std::size_t>(std::min(location.toc.uncompressed_size, kMaxToc));
    return read_all(*plain, limit, "zstd:chunked: table of contents");
}

Toc parse_with(Handler& handler, std::string_view json) {
    if (json.size() > kMaxToc) throw Error(ErrorKind::too_large, "table of contents: more than 50 MiB");
    // The library treats a NUL byte as the end of the text, and skips a byte order mark.
    if (json.find('\0') != std::string_view::npos || json.starts_with("\xEF\xBB\xBF"))
        fail_toc("not valid JSON");
    if (!Json::sax_parse(json.begin(), json.end(), &handler)) fail_toc("not valid JSON");
    return handler.take();
}

}  // namespace

Toc parse_toc(std::string_view json, std::uint64_t payload_end) {
    Handler handler(payload_end);
    return parse_with(handler, json);
}

Toc read_toc(ByteView compressed, const TocLocation& location) {
    return parse_toc(unpack_toc(compressed, location), location.toc.offset);
}

void visit_toc(ByteView compressed, const TocLocation& location, const std::function<void(TocEntry)>& visit) {
    const std::string json = unpack_toc(compressed, location);
    Handler handler(location.toc.offset, visit);
    static_cast<void>(parse_with(handler, json));
}

}  // namespace osb::oci
