// Hints to the compiler.
//   AMSR_INLINE, AMSR_INLINE_LAMBDA: always, where the compiler can be told.
//   AMSR_UNROLL before a loop of a few rounds, known at compile time: no loop is left.
//   AMSR_PREFETCH(address, is_write, locality): 3 fetches into the L1 cache, 2 into L2.
#pragma once

#include <cstddef>

#ifdef __GNUC__
// GCC drops calls to a function that does nothing but prefetch.
#define AMSR_INLINE __attribute__((always_inline)) inline
#define AMSR_INLINE_LAMBDA __attribute__((always_inline))
#define AMSR_PREFETCH(address, is_write, locality) __builtin_prefetch(address, is_write, locality)
#else
#define AMSR_INLINE inline
#define AMSR_INLINE_LAMBDA
#define AMSR_PREFETCH(address, is_write, locality) static_cast<void>(address)
#endif

#if defined(__clang__)
#define AMSR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define AMSR_UNROLL _Pragma("GCC unroll 32")
#else
#define AMSR_UNROLL
#endif

namespace amsr::cpu {

constexpr std::size_t cache_line = 64;

}  // namespace amsr::cpu
