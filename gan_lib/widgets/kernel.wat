;; The one function that faces are made of, with four numbers to an instruction: a convolution of 1×1 or 3×3.
;; generator.js holds the bytes, as text: `wat2wasm kernel.wat && base64 -w0 kernel.wasm` (wabt 1.0).
;; What it computes, and in which layout, is said in generator.js at `plainConv`, which computes the same.
(module
  (import "js" "memory" (memory 1))
  (func (export "conv")
    (param $x i32) (param $w i32) (param $b i32) (param $y i32)         ;; addresses, in bytes
    (param $height i32) (param $width i32)                              ;; pixels; the width a multiple of 4
    (param $k i32) (param $n i32) (param $taps i32)                     ;; channels in, channels out, 1 or 3
    (param $xrow i32) (param $yrow i32)                                 ;; from row to row, in bytes
    (param $slope f32) (param $adds i32)                                ;; below zero; whether y is added to
    (local $o i32) (local $r i32) (local $c i32) (local $t i32) (local $out i32) (local $next i32)
    (local $xa i32) (local $end i32) (local $wi i32) (local $block i32)
    (local $w0 v128) (local $w1 v128) (local $v v128)
    (local $a0 v128) (local $a1 v128) (local $b0 v128) (local $b1 v128)
    (local $c0 v128) (local $c1 v128) (local $d0 v128) (local $d1 v128)
    (local.set $k (i32.shl (local.get $k) (i32.const 2)))               ;; channels in bytes from here on
    (local.set $next (i32.shl (local.get $n) (i32.const 2)))
    (local.set $block                                                   ;; the weights of eight channels out
      (i32.mul (i32.const 8) (i32.mul (local.get $k) (i32.mul (local.get $taps) (local.get $taps)))))
    (loop $channels                                                     ;; eight channels out at a time
      (local.set $r (i32.const 0))
      (loop $rows
        (local.set $c (i32.const 0))
        (loop $columns                                                  ;; four pixels at a time
          (local.set $out (i32.add (local.get $y) (i32.add (i32.shl (local.get $o) (i32.const 2)) (i32.add
            (i32.mul (local.get $r) (local.get $yrow)) (i32.mul (local.get $c) (local.get $next))))))
          (local.set $w0 (v128.load (local.get $b)))                    ;; start from the bias
          (local.set $w1 (v128.load offset=16 (local.get $b)))
          (local.set $a0 (local.get $w0)) (local.set $a1 (local.get $w1))
          (local.set $b0 (local.get $w0)) (local.set $b1 (local.get $w1))
          (local.set $c0 (local.get $w0)) (local.set $c1 (local.get $w1))
          (local.set $d0 (local.get $w0)) (local.set $d1 (local.get $w1))
          (local.set $wi (local.get $w))
          (local.set $t (i32.const 0))
          (loop $taprows
            (local.set $xa (i32.add (local.get $x) (i32.add
              (i32.mul (i32.add (local.get $r) (local.get $t)) (local.get $xrow))
              (i32.mul (local.get $c) (local.get $k)))))
            (local.set $end (i32.add (local.get $xa) (i32.mul (local.get $taps) (local.get $k))))
            (loop $sum                                                  ;; the channels in of a row of taps
              (local.set $w0 (v128.load (local.get $wi)))
              (local.set $w1 (v128.load offset=16 (local.get $wi)))
              (local.set $v (v128.load32_splat (local.get $xa)))
              (local.set $a0 (f32x4.add (local.get $a0) (f32x4.mul (local.get $v) (local.get $w0))))
              (local.set $a1 (f32x4.add (local.get $a1) (f32x4.mul (local.get $v) (local.get $w1))))
              (local.set $v (v128.load32_splat (i32.add (local.get $xa) (local.get $k))))
              (local.set $b0 (f32x4.add (local.get $b0) (f32x4.mul (local.get $v) (local.get $w0))))
              (local.set $b1 (f32x4.add (local.get $b1) (f32x4.mul (local.get $v) (local.get $w1))))
              (local.set $v (v128.load32_splat (i32.add (local.get $xa) (i32.shl (local.get $k) (i32.const 1)))))
              (local.set $c0 (f32x4.add (local.get $c0) (f32x4.mul (local.get $v) (local.get $w0))))
              (local.set $c1 (f32x4.add (local.get $c1) (f32x4.mul (local.get $v) (local.get $w1))))
              (local.set $v (v128.load32_splat (i32.add (local.get $xa) (i32.mul (local.get $k) (i32.const 3)))))
              (local.set $d0 (f32x4.add (local.get $d0) (f32x4.mul (local.get $v) (local.get $w0))))
              (local.set $d1 (f32x4.add (local.get $d1) (f32x4.mul (local.get $v) (local.get $w1))))
              (local.set $wi (i32.add (local.get $wi) (i32.const 32)))
              (br_if $sum (i32.lt_u (local.tee $xa (i32.add (local.get $xa) (i32.const 4))) (local.get $end))))
            (br_if $taprows
              (i32.lt_u (local.tee $t (i32.add (local.get $t) (i32.const 1))) (local.get $taps))))
          (local.set $v (f32x4.splat (local.get $slope)))
          (call $put (local.get $out) (local.get $adds) (local.get $v) (local.get $a0) (local.get $a1))
          (local.set $out (i32.add (local.get $out) (local.get $next)))
          (call $put (local.get $out) (local.get $adds) (local.get $v) (local.get $b0) (local.get $b1))
          (local.set $out (i32.add (local.get $out) (local.get $next)))
          (call $put (local.get $out) (local.get $adds) (local.get $v) (local.get $c0) (local.get $c1))
          (local.set $out (i32.add (local.get $out) (local.get $next)))
          (call $put (local.get $out) (local.get $adds) (local.get $v) (local.get $d0) (local.get $d1))
          (br_if $columns
            (i32.lt_u (local.tee $c (i32.add (local.get $c) (i32.const 4))) (local.get $width))))
        (br_if $rows (i32.lt_u (local.tee $r (i32.add (local.get $r) (i32.const 1))) (local.get $height))))
      (local.set $w (i32.add (local.get $w) (local.get $block)))
      (local.set $b (i32.add (local.get $b) (i32.const 32)))
      (br_if $channels (i32.lt_u (local.tee $o (i32.add (local.get $o) (i32.const 8))) (local.get $n)))))
  ;; Write eight channels of a pixel: past the leaky ReLU, and added to what is there where that is wanted.
  (func $put (param $out i32) (param $adds i32) (param $slope v128) (param $low v128) (param $high v128)
    (local.set $low (f32x4.max (local.get $low) (f32x4.mul (local.get $low) (local.get $slope))))
    (local.set $high (f32x4.max (local.get $high) (f32x4.mul (local.get $high) (local.get $slope))))
    (if (local.get $adds) (then
      (local.set $low (f32x4.add (local.get $low) (v128.load (local.get $out))))
      (local.set $high (f32x4.add (local.get $high) (v128.load offset=16 (local.get $out))))))
    (v128.store (local.get $out) (local.get $low))
    (v128.store offset=16 (local.get $out) (local.get $high))))
