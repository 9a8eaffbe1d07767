// AMSR_UNROLL before a loop of a few rounds, known at compile time: no loop is left.
#pragma once

#if defined(__clang__)
#define AMSR_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define AMSR_UNROLL _Pragma("GCC unroll 32")
#else
#define AMSR_UNROLL
#endif
