#include "oci/codec/deflate_check.hh"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "base/byte_order.hh"
#include "base/error.hh"

namespace osb::oci {
namespace {

// A block header has at most 563 bytes. The scan starts no header with fewer bytes unless the stream has
// ended.
constexpr std::size_t kMargin = 1024;
constexpr std::size_t kPiece = 64UL * 1024;

constexpr std::size_t kEndOfBlock = 256;
constexpr std::size_t kMaxLiterals = 286;
constexpr std::size_t kMaxDistances = 30;
constexpr std::size_t kCodeLengths = 19;

[[noreturn]] void fail_deflate() {
    throw Error(ErrorKind::invalid, "invalid deflate data");
}

// Reads bits from a position. At least eight bytes beyond the position must be readable.
class Bits {
  public:
    Bits(const std::uint8_t* bytes, std::uint64_t bit) noexcept : next_(bytes + bit / 8) {
        refill();
        drop(static_cast<unsigned>(bit % 8));
    }

    // Guarantees at least 56 bits.
    void refill() noexcept {
        word_ |= load_little_endian(next_) << count_;
        next_ += (63U - count_) / 8U;
        count_ |= 56U;
    }
    std::uint64_t peek() const noexcept { return word_; }
    void drop(unsigned count) noexcept {
        word_ >>= count;
        count_ -= count;
    }
    // `count` is at most 16.
    unsigned take(unsigned count) noexcept {
        if (count_ < count) refill();
        const auto value = static_cast<unsigned>(word_ & ((1U << count) - 1U));
        drop(count);
        return value;
    }

    // The next byte to load, which is some bytes ahead of the current bit.
    const std::uint8_t* next() const noexcept { return next_; }
    std::uint64_t position(const std::uint8_t* bytes) const noexcept {
        return static_cast<std::uint64_t>(next_ - bytes) * 8 - count_;
    }

  private:
    const std::uint8_t* next_;
    std::uint64_t word_ = 0;
    unsigned count_ = 0;
};

enum class Alphabet { code_lengths, literals, distances };

// The meaning of a code word.
enum class SymbolKind : std::uint8_t {
    value,   // a literal, a distance, the length of a code
    length,  // of a match, whose distance follows
    end,     // end of the block
    other,   // not a code word, or not in the table
};

struct Meaning {
    SymbolKind kind = SymbolKind::other;
    std::uint8_t bits = 0;  // of the word and its extra bits (RFC 1951, 3.2.5)
    std::uint8_t word_bits = 0;
    std::uint8_t code_length = 0;  // the value of a word of the code length alphabet
};

Meaning meaning_of(Alphabet alphabet, std::size_t symbol, unsigned word_bits) noexcept {
    Meaning out{.kind = SymbolKind::value, .word_bits = static_cast<std::uint8_t>(word_bits)};
    unsigned extra = 0;
    if (alphabet == Alphabet::code_lengths) {
        out.code_length = static_cast<std::uint8_t>(symbol);
    } else if (alphabet == Alphabet::distances) {
        extra = symbol < 4 ? 0 : static_cast<unsigned>(symbol) / 2 - 1;
        if (symbol >= kMaxDistances) out.kind = SymbolKind::other;
    } else if (symbol >= kEndOfBlock) {
        const auto index = static_cast<unsigned>(symbol - kEndOfBlock - 1);
        out.kind = symbol == kEndOfBlock   ? SymbolKind::end
                   : symbol < kMaxLiterals ? SymbolKind::length
                                           : SymbolKind::other;
        if (out.kind == SymbolKind::length && index >= 8 && index != 28) extra = index / 4 - 1;
    }
    out.bits = static_cast<std::uint8_t>(word_bits + extra);
    return out;
}

// A Huffman code (RFC 1951, 3.2.2), with a lookup table for its short words.
class Code {
  public:
    // Throws Error{invalid} for lengths that are not a code, or a code with unused words.
    void build(Alphabet alphabet, const std::uint8_t* lengths, std::size_t count);

    // Decodes the word at the front of `bits`, which must have at least 15 bits.
    Meaning look_up(std::uint64_t bits) const noexcept {
        const Meaning found = table_[bits & (table_.size() - 1)];
        return found.kind == SymbolKind::other ? look_up_long(bits) : found;
    }

    static constexpr unsigned kTableBits = 10;
    // The lookup table, indexed by the next bits.
    const std::array<Meaning, 1U << kTableBits>& table() const noexcept { return table_; }

  private:
    static constexpr unsigned kMaxLength = 15;

    bool is_usable() const noexcept;
    Meaning look_up_long(std::uint64_t bits) const noexcept;

    Alphabet alphabet_ = Alphabet::literals;
    std::array<std::uint16_t, kMaxLength + 1> counts_{};  // of words, by length
    std::array<std::uint16_t, 288> symbols_{};            // in the order of their words
    std::array<Meaning, 1U << kTableBits> table_{};
};

// Two codes with unused words are valid: a single word of one bit, and no words.
bool Code::is_usable() const noexcept {
    int left = 1;
    unsigned longest = 0;
    for (unsigned length = 1; length <= kMaxLength; ++length) {
        left = left * 2 - counts_[length];
        if (left < 0) return false;
        if (counts_[length] > 0) longest = length;
    }
    return left == 0 || (alphabet_ != Alphabet::code_lengths && longest <= 1);
}

unsigned reversed(unsigned word, unsigned length) noexcept {
    unsigned out = 0;
    for (; length > 0; --length, word >>= 1U) out = (out << 1U) | (word & 1U);
    return out;
}

void Code::build(Alphabet alphabet, const std::uint8_t* lengths, std::size_t count) {
    alphabet_ = alphabet;
    counts_.fill(0);
    for (std::size_t i = 0; i < count; ++i) ++counts_[lengths[i]];
    counts_[0] = 0;
    if (!is_usable()) fail_deflate();
    std::array<unsigned, kMaxLength + 2> next_word{};
    std::array<unsigned, kMaxLength + 2> next_index{};
    for (unsigned length = 1; length <= kMaxLength; ++length) {
        next_word[length + 1] = (next_word[length] + counts_[length]) * 2;
        next_index[length + 1] = next_index[length] + counts_[length];
    }
    table_.fill({});
    for (std::size_t symbol = 0; symbol < count; ++symbol) {
        const unsigned length = lengths[symbol];
        if (length == 0) continue;
        symbols_[next_index[length]++] = static_cast<std::uint16_t>(symbol);
        const unsigned word = next_word[length]++;
        if (length > kTableBits) continue;
        const Meaning meaning = meaning_of(alphabet, symbol, length);
        for (std::size_t i = reversed(word, length); i < table_.size(); i += 1UL << length)
            table_[i] = meaning;
    }
}

Meaning Code::look_up_long(std::uint64_t bits) const noexcept {
    unsigned word = 0;
    unsigned first = 0;
    unsigned index = 0;
    for (unsigned length = 1; length <= kMaxLength; ++length, bits >>= 1U) {
        word = word * 2 + static_cast<unsigned>(bits & 1U);
        first *= 2;
        if (word - first < counts_[length])
            return meaning_of(alphabet_, symbols_[index + word - first], length);
        index += counts_[length];
        first += counts_[length];
    }
    return {};
}

// The two codes of a block, and one table for both that consumes as many bits as possible per lookup. A scan
// only needs the number of bits to skip and the next code. Branches on these would be mispredicted.
class BlockCodes {
  public:
    void build(const std::uint8_t* literals, std::size_t literal_count, const std::uint8_t* distances,
               std::size_t distance_count) {
        literals_.build(Alphabet::literals, literals, literal_count);
        distances_.build(Alphabet::distances, distances, distance_count);
        for (std::size_t i = 0; i < kSize; ++i) {
            steps_[i] = step_of(literals_.table()[i]);
            if (literals_.table()[i].kind == SymbolKind::value) steps_[i] = longer_step(i);
            steps_[kSize + i] = step_of(distances_.table()[i]);
        }
    }

    // The fixed codes of RFC 1951, 3.2.6.
    void build_fixed() {
        std::array<std::uint8_t, 288> literals{};
        for (std::size_t i = 0; i < literals.size(); ++i)
            literals[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
        std::array<std::uint8_t, 32> distances{};
        distances.fill(5);
        build(literals.data(), literals.size(), distances.data(), distances.size());
    }

    enum class End { limit, block };
    // Skips words until the block ends or `limit` is reached. is_in_match is set if that is between the
    // length and the distance of a match.
    End skip(Bits& bits, const std::uint8_t* limit, bool& is_in_match) const;

  private:
    static constexpr std::size_t kSize = 1UL << Code::kTableBits;
    static constexpr unsigned kBits = 0x3f;
    static constexpr unsigned kDistanceNext = 0x40;
    static constexpr unsigned kOther = 0x80;  // the end of the block, or a word that is not in the table

    static std::uint8_t step_of(Meaning meaning) noexcept {
        if (meaning.kind == SymbolKind::value) return meaning.bits;
        if (meaning.kind == SymbolKind::length)
            return static_cast<std::uint8_t>(meaning.bits | kDistanceNext);
        return kOther;
    }
    // A literal, and also the following word if both fit into the bits of the table index.
    std::uint8_t longer_step(std::size_t index) const noexcept {
        const Meaning literal = literals_.table()[index];
        const Meaning next = literals_.table()[index >> literal.bits];
        const bool fits = literal.bits + next.word_bits <= Code::kTableBits;
        const bool is_word = next.kind == SymbolKind::value || next.kind == SymbolKind::length;
        return fits && is_word ? static_cast<std::uint8_t>(step_of(next) + literal.bits) : literal.bits;
    }

    Code literals_;
    Code distances_;
    std::array<std::uint8_t, 2 * kSize> steps_{};
};

BlockCodes::End BlockCodes::skip(Bits& bits, const std::uint8_t* limit, bool& is_in_match) const {
    Bits here = bits;  // a local copy stays in registers
    std::size_t table = is_in_match ? kSize : 0;
    bool is_end = false;
    while (!is_end && here.next() < limit) {
        // Two words have at most 56 bits. The first one, from the table, has at most 23 with its extra bits.
        here.refill();
        for (int i = 0; i < 2; ++i) {
            const unsigned step = steps_[table + (here.peek() & (kSize - 1))];
            if (step < kOther) {
                here.drop(step & kBits);
                table = static_cast<std::size_t>(step & kDistanceNext) * (kSize / kDistanceNext);
                continue;
            }
            const Meaning found = (table == 0 ? literals_ : distances_).look_up(here.peek());
            if (found.kind == SymbolKind::other) fail_deflate();
            here.drop(found.bits);
            table = found.kind == SymbolKind::length ? kSize : 0;
            is_end = found.kind == SymbolKind::end;
            break;
        }
    }
    bits = here;
    is_in_match = table != 0;
    return is_end ? End::block : End::limit;
}

}  // namespace

class DeflateCheck::Walk {
  public:
    void reset() noexcept {
        end_ = 0;
        bit_ = 0;
        state_ = State::block;
        last_block_ = false;
        is_in_match_ = false;
    }

    Walk() { fixed_.build_fixed(); }
    void update(ByteView bytes);
    void finish(std::size_t surplus);

  private:
    enum class State { block, stored, symbols, done };

    void walk(const std::uint8_t* limit);
    void read_block_header(Bits& bits);
    void read_stored_header(Bits& bits);
    void read_codes(Bits& bits);
    void read_lengths(Bits& bits, std::uint8_t* lengths, std::size_t count) const;
    void skip_stored(Bits& bits);
    void skip_symbols(Bits& bits, const std::uint8_t* limit);
    void end_block() noexcept { state_ = last_block_ ? State::done : State::block; }

    std::array<std::uint8_t, kMargin + kPiece + 2 * kMargin> buffer_;
    std::size_t end_ = 0;          // of the bytes in the buffer
    std::uint64_t bit_ = 0;        // the position of the scan in the buffer
    std::size_t stored_left_ = 0;  // bytes left in a stored block
    State state_ = State::block;
    bool last_block_ = false;
    bool is_in_match_ = false;
    Code code_lengths_;
    BlockCodes fixed_;
    BlockCodes dynamic_;
    bool is_fixed_ = false;  // selects fixed_ or dynamic_
};

void DeflateCheck::Walk::update(ByteView bytes) {
    while (!bytes.empty()) {
        const auto begin = static_cast<std::size_t>(bit_ / 8);
        std::memmove(buffer_.data(), buffer_.data() + begin, end_ - begin);
        end_ -= begin;
        bit_ %= 8;
        const std::size_t n = std::min(bytes.size(), kPiece);
        std::memcpy(buffer_.data() + end_, bytes.data(), n);
        end_ += n;
        bytes = bytes.subspan(n);
        if (end_ > kMargin) walk(buffer_.data() + end_ - kMargin);
        // The decoder has not seen the end of the stream yet.
        if (state_ == State::done && end_ - bit_ / 8 > kMargin) fail_deflate();
    }
}

void DeflateCheck::Walk::finish(std::size_t surplus) {
    if (surplus > end_) fail_deflate();
    end_ -= surplus;
    std::memset(buffer_.data() + end_, 0, 2 * kMargin);
    walk(buffer_.data() + end_ + sizeof(std::uint64_t));
    if (state_ != State::done || (bit_ + 7) / 8 != end_) fail_deflate();
}

void DeflateCheck::Walk::walk(const std::uint8_t* limit) {
    Bits bits(buffer_.data(), bit_);
    while (state_ != State::done && bits.next() < limit) {
        if (state_ == State::block) {
            read_block_header(bits);
        } else if (state_ == State::stored) {
            skip_stored(bits);
        } else {
            skip_symbols(bits, limit);
        }
    }
    bit_ = bits.position(buffer_.data());
}

void DeflateCheck::Walk::read_block_header(Bits& bits) {
    last_block_ = bits.take(1) != 0;
    const unsigned type = bits.take(2);
    if (type == 0) return read_stored_header(bits);
    if (type == 3) fail_deflate();
    is_fixed_ = type == 1;
    if (!is_fixed_) read_codes(bits);
    state_ = State::symbols;
}

void DeflateCheck::Walk::read_stored_header(Bits& bits) {
    bits.take(static_cast<unsigned>((8 - bits.position(buffer_.data()) % 8) % 8));
    stored_left_ = bits.take(16);
    if (bits.take(16) != (stored_left_ ^ 0xffffU)) fail_deflate();
    state_ = State::stored;
}

void DeflateCheck::Walk::skip_stored(Bits& bits) {
    const auto begin = static_cast<std::size_t>(bits.position(buffer_.data()) / 8);
    const std::size_t n = begin < end_ ? std::min(stored_left_, end_ - begin) : 0;
    stored_left_ -= n;
    if (stored_left_ == 0) {
        end_block();
    } else if (n == 0) {
        // The scan is at the end of the buffer, and must not skip bytes that have not arrived.
        fail_deflate();
    }
    bits = Bits(buffer_.data(), (begin + n) * 8);
}

// Reads the code lengths of a dynamic block (RFC 1951, 3.2.7).
void DeflateCheck::Walk::read_codes(Bits& bits) {
    constexpr std::array<std::uint8_t, kCodeLengths> kOrder{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                            11, 4,  12, 3, 13, 2, 14, 1, 15};
    const std::size_t literals = bits.take(5) + 257;
    const std::size_t distances = bits.take(5) + 1;
    const std::size_t given = bits.take(4) + 4;
    if (literals > kMaxLiterals || distances > kMaxDistances) fail_deflate();
    std::array<std::uint8_t, kMaxLiterals + kMaxDistances> lengths{};
    for (std::size_t i = 0; i < given; ++i) lengths[kOrder[i]] = static_cast<std::uint8_t>(bits.take(3));
    code_lengths_.build(Alphabet::code_lengths, lengths.data(), kCodeLengths);
    read_lengths(bits, lengths.data(), literals + distances);
    if (lengths[kEndOfBlock] == 0) fail_deflate();
    dynamic_.build(lengths.data(), literals, lengths.data() + literals, distances);
}

void DeflateCheck::Walk::read_lengths(Bits& bits, std::uint8_t* lengths, std::size_t count) const {
    for (std::size_t i = 0; i < count;) {
        bits.refill();
        const Meaning found = code_lengths_.look_up(bits.peek());
        if (found.kind == SymbolKind::other) fail_deflate();
        bits.drop(found.bits);
        if (found.code_length < 16) {
            lengths[i++] = found.code_length;
            continue;
        }
        if (found.code_length == 16 && i == 0) fail_deflate();
        const std::uint8_t value = found.code_length == 16 ? lengths[i - 1] : std::uint8_t{0};
        const std::size_t repeat = found.code_length == 16   ? 3 + bits.take(2)
                                   : found.code_length == 17 ? 3 + bits.take(3)
                                                             : 11 + bits.take(7);
        if (repeat > count - i) fail_deflate();
        std::fill_n(lengths + i, repeat, value);
        i += repeat;
    }
}

void DeflateCheck::Walk::skip_symbols(Bits& bits, const std::uint8_t* limit) {
    const BlockCodes& codes = is_fixed_ ? fixed_ : dynamic_;
    if (codes.skip(bits, limit, is_in_match_) == BlockCodes::End::block) end_block();
}

DeflateCheck::DeflateCheck() : walk_(std::make_unique<Walk>()) {}
DeflateCheck::~DeflateCheck() = default;

void DeflateCheck::reset() noexcept {
    walk_->reset();
}
void DeflateCheck::update(ByteView bytes) {
    walk_->update(bytes);
}
void DeflateCheck::finish(std::size_t surplus) {
    walk_->finish(surplus);
}

}  // namespace osb::oci
